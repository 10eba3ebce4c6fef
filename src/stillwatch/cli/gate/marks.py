"""``stillwatch gate marks`` and ``marked``: which campaigns need a key, and the exchanges that bear marks."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.campaigns.wording import counted
from stillwatch.cli.gate.options import Policy, State, Store
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogOptions
from stillwatch.cli.marks.options import Keys, opened, write
from stillwatch.cli.terminal import TerminalProgress
from stillwatch.gateway.marking.campaigns import MarkedCampaign, marked_campaigns
from stillwatch.gateway.marking.export import Exchange, exported, journalled
from stillwatch.gateway.policy_file import find_policy, read_policy
from stillwatch.gateway.steering import must_be_there
from stillwatch.marks.text import SCHEME
from stillwatch.sources.log import Log
from stillwatch.storage.whole import write_whole

__all__ = ["marked", "marks"]

_JSON = Parameter(name="--json", negative=(), help="Write one JSON array.")


def marks(*, state: State, policy: Policy, store: Store = None, as_json: Annotated[bool, _JSON] = False) -> int:
    """List the campaigns whose answers the policy marks, and the key of each, or the command that commits to one.

    Returns 1 where a campaign has no key (its answers go out unmarked), else 0.
    """
    found = marked_campaigns(state, store, read_policy(find_policy(policy)), dt.datetime.now(dt.UTC))
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif not found:
        write("The policy marks no campaign that is known here.")
    else:
        write(*(_line(one) for one in found))
    return int(any(not one.key for one in found))


def marked(
    *,
    state: State,
    keys: Keys,
    out: Annotated[Path, Parameter(help="File to write: marked.jsonl of a case.")],
    log: Annotated[
        list[str] | None,
        Parameter(negative=(), help="A log of your own that holds the text, where the journal keeps none."),
    ] = None,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
) -> int:
    """Write the exchanges whose answers bear a mark, as ``stillwatch prove`` takes them: prompt, answer, key, marks.

    Their text comes from the journal, where the policy kept it, else from your own log, in which they are found by
    keyed hashes. Returns 1 where the text of some was found nowhere, else 0.

    Example: stillwatch gate marked --state gateway --keys marks --log logs/ --out marked.jsonl
    """
    must_be_there(state)
    ring = opened(keys)
    progress = TerminalProgress(quiet=True)
    if log:
        with reading.open(log, progress) as read:
            found = exported(journalled(state / "journal"), ring, _exchanges(read))
    else:
        found = exported(journalled(state / "journal"), ring)
    write_whole(out, b"".join(msgspec.json.encode(line) + b"\n" for line in found.lines), private=True)
    write(f"Wrote {counted(len(found.lines), 'exchange')} to {out}.")
    if found.no_text:
        write(f"{counted(found.no_text, 'exchange')} left out: their text is in neither the journal nor a log given.")
    if found.no_key:
        write(f"{counted(found.no_key, 'exchange')} left out: their key is not in {keys}.")
    return int(bool(found.no_text or found.no_key))


def _exchanges(log: Log) -> Iterator[Exchange]:
    for batch in log.batches():
        columns = (batch.column("messages").to_pylist(), batch.column("response").to_pylist())
        for messages, response in zip(*columns, strict=True):
            yield Exchange(messages, response)


def _line(one: MarkedCampaign) -> str:
    head = f"{one.campaign_id}: {counted(one.accounts, 'account')}{' (only watched)' if one.dry else ''}, "
    if one.key:
        return f"{head}key {one.key} for {one.about}"
    if one.wrong:
        return f"{head}no key can be read: {one.wrong}"
    if not one.folder:
        return f'{head}no key: the policy names no folder; add [marking] keyrings = {{ {one.keyring} = "FOLDER" }}'
    scheme = "" if one.scheme == SCHEME else f" --scheme {one.scheme}"
    return f"{head}no key: stillwatch marks key --keys {one.folder} --campaign {one.about}{scheme}"
