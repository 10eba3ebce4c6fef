"""``stillwatch gate ledger``: check the ledger, and find what a reference belongs to."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from stillwatch.campaigns.wording import counted
from stillwatch.cli.gate.options import State
from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError
from stillwatch.gateway.ledger import LedgerEntry, find, verify

__all__ = ["ledger"]

_JSON = Parameter(name="--json", negative=(), help="Write one JSON object.")


def ledger(reference: str | None = None, /, *, state: State, as_json: Annotated[bool, _JSON] = False) -> int:
    """Check that nothing in the ledger was changed; with a REFERENCE, show what was done to the person who quotes it.

    Returns 1 where a line was changed, is missing or was put in, or where the reference is not known; else 0.
    """
    folder = state / "ledger"
    if not folder.is_dir():
        raise UsageError("holds no ledger", state, "name the gateway's --state")
    if reference is not None:
        found = find(folder, reference)
        if as_json:
            _write(msgspec.json.encode(found).decode())
        else:
            _write(*(_line(entry) for entry in found) if found else ["Nothing in this ledger has that reference."])
        return int(not found)
    checked = verify(folder)
    if as_json:
        _write(msgspec.json.encode(checked._asdict()).decode())
    else:
        held = f"{counted(checked.lines, 'line')} in {counted(checked.files, 'file')} hold"
        problems = [f"not whole: {clean(problem)}" for problem in checked.problems]
        _write(f"{held}; the last hash is {checked.last}", *problems)
    return int(bool(checked.problems))


def _line(entry: LedgerEntry) -> str:
    at = dt.datetime.fromtimestamp(entry.at / 1e6, dt.UTC).isoformat(timespec="seconds")
    parts = [at, entry.kind, entry.what, ", ".join(entry.reasons), f"account {entry.account_id}"]
    parts += [f"campaign {entry.campaign_id}"] if entry.campaign_id else []
    parts += [f"by {entry.by}"] if entry.by else []
    parts += [entry.why] if entry.why else []
    return "  ".join(clean(part, 300) for part in parts if part)


def _write(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
