"""``stillwatch gate load`` and ``gate learn``: what a scan found, and the process beside the doors."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.cli.gate.options import Json, Policy, State, Store
from stillwatch.cli.terminal import Style, clean
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.registry import load as load_object

if TYPE_CHECKING:
    from stillwatch.gateway.learning.learner import Learner
from stillwatch.gateway.policy_file import find_policy

__all__ = ["learn", "load"]

LEARNER = "stillwatch.gateway.learning.learner"
NOTHING, FOUND = 0, 1
LEAST_EVERY = 0.1

Accounts = Annotated[Path | None, Parameter(help="The provider's table of accounts (Parquet, CSV, JSONL).")]


def load(
    *,
    run: Annotated[Path, Parameter(help="Folder of a finished scan (scan --out).")],
    state: State,
    store: Store = None,
    accounts: Accounts = None,
    json: Json = False,
) -> int:
    """Take a scan's results into the gateway: its claims stand instead of those of an older scan.

    Example: ``stillwatch gate load --run run --state gateway``

    What a person confirmed or cleared stays. Returns 1 where somebody is accused, else 0.
    """
    taken = load_object(f"{LEARNER}:load_run")(state, run, _now(), store=store, customers=accounts)
    if json:
        sys.stdout.write(msgspec.json.encode(taken).decode() + "\n")
    else:
        accused, review = taken.levels.get("campaign", 0), taken.levels.get("review", 0)
        style = Style(sys.stdout)
        lines = [style.bold(f"{accused:,} accounts accused, {review:,} for a person to look at")]
        lines += [f"  {clean(name, 60)}: {count:,} accounts" for name, count in sorted(taken.campaigns.items())]
        if taken.cleared:
            lines.append(style.dim(f"{taken.cleared:,} accounts were cleared by a person; nothing is claimed of them."))
        sys.stdout.write("\n".join(lines) + "\n")
    return FOUND if taken.levels.get("campaign") else NOTHING


def learn(
    *,
    state: State,
    policy: Policy,
    store: Store = None,
    accounts: Accounts = None,
    every: Annotated[float, Parameter(help="Seconds between two looks at the journal.")] = 2.0,
    once: Annotated[bool, Parameter(negative="", help="One look, and no more.")] = False,
    json: Json = False,
) -> int:
    """Follow what passes the gateway: link new accounts to accused campaigns, and scan anew as the policy says.

    Example: ``stillwatch gate learn --state gateway --policy policy.toml``

    Runs until it is stopped (with ``--once``: one look). Returns 1 where ``--once`` suspected somebody, else 0.
    """
    if not every >= LEAST_EVERY:
        raise UsageError(f"{every} is too small", "--every", f"give at least {LEAST_EVERY}")
    ended = threading.Event()
    learner: Learner = load_object(f"{LEARNER}:Learner")(state, find_policy(policy), store=store, customers=accounts)
    try:
        if once:
            learner.turn(_now())
            sys.stdout.write(_said(learner, json=json))
            return FOUND if learner.suspected else NOTHING
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        _follow(learner, every, ended, json=json)
    finally:
        learner.close()
    return NOTHING


def _follow(learner: Learner, every: float, ended: threading.Event, *, json: bool) -> None:
    """Turn by turn. What goes wrong is said once, and tried again."""
    said = ""
    while not ended.is_set():
        before = learner.suspected
        try:
            learner.turn(_now())
            said = ""
        except StillwatchError as error:
            if str(error) != said:
                said = str(error)
                sys.stderr.write(f"stillwatch: {clean(said)}\n")
        if learner.suspected != before:
            sys.stdout.write(_said(learner, json=json))
            sys.stdout.flush()
        ended.wait(every)


def _said(learner: Learner, *, json: bool) -> str:
    links, notes = learner.links, learner.notes
    linking = links is not None and links.threshold is not None
    if json:
        told = {
            "run": notes.run,
            "campaigns": len(links.campaigns) if links is not None else 0,
            "linking": linking,
            "error_rate": links.error_rate if links is not None else None,
            "suspected": learner.suspected,
            "backlog": learner.backlog,
        }
        return msgspec.json.encode(told).decode() + "\n"
    if links is None or not linking:
        why = "no run was loaded" if not notes.run else "no campaign, or too few accounts to measure how often it errs"
        return f"Nobody is suspected by what he shows: {why}.\n"
    rate = links.error_rate
    return (
        f"{learner.suspected:,} accounts suspected since the start ({rate.kind} at most {rate.level:.2g}, measured on "
        f"{rate.n_null:,} accounts); {len(links.campaigns)} campaigns to link to.\n"
    )


def _now() -> int:
    return time.time_ns() // 1000
