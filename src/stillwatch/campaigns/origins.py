"""From what kinds of networks a group's exchanges came, beside all others': for a person to look at, for no verdict."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET, UnsetType

from stillwatch.campaigns import wording
from stillwatch.campaigns.case import Case
from stillwatch.campaigns.report import NetworkKinds, Networks
from stillwatch.exchange import NETWORK_KINDS

__all__ = ["kinds_of", "networks_of", "told"]

Ints = npt.NDArray[np.int64]
_NONE = len(NETWORK_KINDS)
_SAID = 0.1
"""Share of a group's exchanges from which on a kind of network is worth words."""


def kinds_of(exchanges: pa.Table) -> NetworkKinds | UnsetType:
    """The kinds of networks in a log; unset where no exchange's is known."""
    return _shares(_counts(_codes(exchanges.column("client_network")))) or UNSET


def networks_of(case: Case, place: int) -> Networks | UnsetType:
    """The kinds of networks of group ``place`` and of all other exchanges; unset where the group's are not known."""
    column = case.exchanges.column("client_network")
    if column.null_count == len(column):
        return UNSET
    own = _counts(_codes(column.take(pa.array(case.rows[place]))))
    kinds = _shares(own)
    return UNSET if kinds is None else Networks(kinds, _shares(_counts(_codes(column)) - own))


def told(networks: Networks | UnsetType, exchanges: int) -> tuple[str, ...]:
    """The kinds that a tenth of a group's ``exchanges`` came from, or the chief one, in sentences; none where none is
    known."""
    if not isinstance(networks, Networks) or not networks.own.shares:
        return ()
    own, others = networks.own, networks.others
    ranked = sorted(own.shares.items(), key=lambda item: (-item[1], item[0]))
    parts: list[str] = []
    for kind, share in [item for item in ranked if item[1] >= _SAID] or ranked[:1]:
        part = f"{wording.percent(share)} {'' if parts else 'of its exchanges came '}from {wording.network(kind)}"
        if others is not None:
            part += f" (of all others {wording.percent(others.shares.get(kind, 0.0))})"
        parts.append(part)
    counts = f"This counts the {wording.count(own.known)} of its {wording.counted(exchanges, 'exchange')} whose network"
    return (
        f"{wording.listed(parts)}.",
        *([f"{counts} is of a known kind."] if own.known < exchanges else []),
        "No verdict rests on this: honest programs run in data centres and employees use VPNs, while operators rent "
        "household lines.",
    )


def _codes(column: pa.ChunkedArray) -> Ints:
    """Places in `NETWORK_KINDS`; ``_NONE`` for null, and for what is no kind."""
    found = pc.index_in(column, value_set=pa.array(NETWORK_KINDS, column.type)).fill_null(_NONE)
    codes: Ints = found.to_numpy().astype(np.int64)
    return codes


def _counts(codes: Ints) -> Ints:
    counts: Ints = np.bincount(codes, minlength=_NONE + 1)[:_NONE].astype(np.int64)
    return counts


def _shares(counts: Ints) -> NetworkKinds | None:
    known = int(counts.sum())
    if not known:
        return None
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda kind: (-int(counts[kind]), kind))
    return NetworkKinds(known, {NETWORK_KINDS[kind]: int(counts[kind]) / known for kind in order})
