"""``stillwatch share judge`` and ``share peers``: what became of a peer's bulletins here."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from stillwatch.cli.terminal import clean
from stillwatch.errors import UsageError
from stillwatch.sharing import peers

_LEDGER = Parameter(help="File with the peers' track records (match --ledger).")
_JSON = Parameter(name="--json", negative=(), help="Write one JSON object.")


def judge(
    bulletin: Annotated[str, Parameter(help="Id of a bulletin that matched here.")],
    /,
    *,
    ledger: Annotated[Path, _LEDGER],
    right: Annotated[str | None, Parameter(help="It was right: your own name of the case.")] = None,
    wrong: Annotated[
        bool, Parameter(negative=(), help="It was wrong: the group was innocent, or another one.")
    ] = False,
) -> int:
    """Say what became of a match, so that the peer's word weighs as much as it has earned.

    Of all bulletins of a peer about one case of yours one counts as right; each wrong one counts.
    """
    if (right is None) != wrong:
        raise UsageError("needs one of --right CASE and --wrong", "judge")
    today = dt.datetime.now(dt.UTC).date()
    judged = peers.judge(peers.read_ledger(ledger), bulletin, case=right, on=today)
    peers.write_ledger(ledger, judged)
    peer = next(s.peer for s in judged.sightings if s.bulletin == bulletin)
    record = peers.record_of(judged, peer)
    sys.stdout.write(f"{clean(record.name, 64)}: right in {record.right}, wrong in {record.wrong}; its word moves up "
                     f"to {record.weight:.1f} nats.\n")  # fmt: skip
    return 0


def list_peers(*, ledger: Annotated[Path, _LEDGER], as_json: Annotated[bool, _JSON] = False) -> int:
    """List the peers, how often each was right here, and what its word may move."""
    known = peers.read_ledger(ledger)
    records = [peers.record_of(known, peer) for peer in dict.fromkeys(s.peer for s in known.sightings)]
    if as_json:
        found = {"peers": records, "sightings": known.sightings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
        return 0
    table = Table(box=None, pad_edge=False)
    for name, how in (("peer", "left"), ("right", "right"), ("wrong", "right"), ("open", "right"), ("nats", "right")):
        table.add_column(name, justify="left" if how == "left" else "right")
    for r in records:
        table.add_row(clean(r.name, 64), str(r.right), str(r.wrong), str(r.open), f"{r.weight:.1f}")
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    console.print(table if records else "No bulletin has matched yet.")
    waiting = [s for s in known.sightings if s.outcome == "open"]
    for sighting in waiting:
        console.print(f"open: {sighting.bulletin} of {clean(sighting.name, 64)}, {sighting.first_day}", soft_wrap=True)
    return 0
