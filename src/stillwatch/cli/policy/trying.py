"""``stillwatch policy test``: a policy tried on a log, before it touches anybody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogOptions
from stillwatch.cli.policy.reading import PolicyName
from stillwatch.cli.policy.replay_summary import summary
from stillwatch.cli.terminal import Style, TerminalProgress
from stillwatch.errors import InputError
from stillwatch.gateway.learning.standings import subjects_of_run
from stillwatch.gateway.policy_file import find_policy, read_policy
from stillwatch.gateway.replay import KEY, read_taken, replay
from stillwatch.sources.customers import read_customers

__all__ = ["try_on_log"]


def try_on_log(
    policy: PolicyName,
    /,
    *,
    logs: Annotated[
        list[str],
        Parameter(
            name="--replay",
            negative=(),
            help="The log: file, folder or pattern, in any known format; may be given again.",
        ),
    ],
    run: Annotated[Path, Parameter(help="The scan whose verdicts are acted on (scan --out).")],
    accounts: Annotated[
        Path | None, Parameter(help="The provider's table of accounts, to know who is exempt by organization.")
    ] = None,
    state: Annotated[
        Path | None, Parameter(help="A gateway's folder, to tell exactly whom its own roll-out reaches.")
    ] = None,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    json: Annotated[bool, Parameter(negative="", help="Print the whole result as JSON, every account in it.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Print nothing but errors.")] = False,
) -> int:
    """Replay a log in the order of time through the gateway's decision, with the verdicts of a finished scan.

    Says exactly whom the policy would have touched, how, and what that costs those who are innocent. Nothing is done to
    anybody, and no text of the log is shown. Mode "watch" is replayed as "act".

    Returns 1 where somebody would have been touched, else 0.
    """
    path = find_policy(policy)
    said = read_policy(path)
    key = KEY if state is None else _key_of(state)
    organizations: dict[str, str] = {}
    if accounts is not None:
        table = read_customers(accounts)
        pairs = zip(table.column("account_id").to_pylist(), table.column("organization_id").to_pylist(), strict=True)
        organizations = {account: organization for account, organization in pairs if organization}
    subjects = subjects_of_run(run, organizations=organizations)
    progress = TerminalProgress(quiet=quiet)
    try:
        with reading.open(logs, progress) as log:
            found = replay(log, subjects, said, read_taken(run), key=key, progress=progress)
    finally:
        progress.close()
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    elif not quiet:
        sys.stdout.write(summary(found, Style(sys.stdout)))
    return int(bool(found.touched or found.asked))


def _key_of(state: Path) -> bytes:
    path = state / "key"
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise InputError("holds no key of a gateway", path, "name the folder of watch --state") from error
