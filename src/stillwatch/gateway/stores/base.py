"""What a store keeps for gateways, and how a gateway, the learner and the command line speak to it.

Two kinds of things, kept in two ways. *Changes* are what somebody decided: a claim, an action, an account cleared, a
switch. Each has a kind, an id and a value (JSON), and gets the store's next version number; whoever remembers the last
version that it saw reads what is new since. *Counts* are what a gateway measured: profiles, budgets, campaigns. Each
gateway keeps its own totals and adds up those of others when it reads, so that writing them twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from stillwatch.errors import InputError
from stillwatch.gateway.budgets import Bucket
from stillwatch.gateway.campaign_profiles import CampaignProfile
from stillwatch.gateway.profiles import Profile
from stillwatch.gateway.state import Cleared, Switch, Undone
from stillwatch.responses.base import Action, Outgoing, Receipt, Subject

__all__ = [
    "KINDS",
    "SCHEMA",
    "Change",
    "Counts",
    "Elsewhere",
    "News",
    "Store",
    "Totals",
    "change",
    "check_schema",
    "everything",
    "gone",
    "value_of",
]

SCHEMA = 1
"""What this version writes. A store with a larger number is refused; a smaller one is brought up to date on opening."""

T = TypeVar("T")


KINDS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "claim": (Subject, "account_id"),
    "cleared": (Cleared, "account_id"),
    "action": (Action, "id"),
    "receipt": (Receipt, ""),
    "undone": (Undone, "action_id"),
    "outgoing": (Outgoing, "id"),
    "switch": (Switch, "name"),
}
"""Each kind's type, and the field that is its id (a receipt's is that of its action)."""
_BY_TYPE = {kind: name for name, (kind, _) in KINDS.items()}


class Change(NamedTuple):
    """``body`` is the value's JSON; None: it is no more. Kinds that a reader does not know are others' business."""

    kind: str
    id: str
    body: bytes | None


class News(NamedTuple):
    """Changes since a version, the oldest first, each thing once; ``version`` is now the last. ``epoch`` is drawn when
    a store is made: where it is another than before, the store lost its memory and must be told everything anew."""

    changes: Sequence[Change]
    version: int
    epoch: str


class Counts(NamedTuple):
    """Totals of one gateway: profiles by keyed account number, budgets and campaigns by name (JSON of `Bucket` and
    `CampaignProfile`)."""

    profiles: Iterable[tuple[int, Profile]]
    budgets: Mapping[str, bytes]
    campaigns: Mapping[str, bytes]


class Elsewhere(NamedTuple):
    """What all other gateways told of budgets and campaigns, by name."""

    budgets: dict[str, list[Bucket]]
    campaigns: dict[str, list[CampaignProfile]]


class Totals:
    """Decodes what other gateways told; what did not change since the last time is not decoded again."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[str, str, str], tuple[bytes, Bucket | CampaignProfile]] = {}

    def elsewhere(self, rows: Iterable[tuple[str, str, str, bytes]]) -> Elsewhere:
        """``rows`` are gateway, kind ("budget" or "campaign"), name and body; one that cannot be read is left out."""
        told, decoded = Elsewhere({}, {}), {}
        for gateway, kind, name, body in rows:
            before = self._decoded.get((gateway, kind, name))
            try:
                value = before[1] if before is not None and before[0] == body else _decode(kind, body)
            except (ValueError, RecursionError):
                continue
            decoded[gateway, kind, name] = body, value
            if isinstance(value, Bucket):
                told.budgets.setdefault(name, []).append(value)
            else:
                told.campaigns.setdefault(name, []).append(value)
        self._decoded = decoded
        return told


def _decode(kind: str, body: bytes) -> Bucket | CampaignProfile:
    return msgspec.json.decode(body, type=Bucket if kind == "budget" else CampaignProfile)  # type: ignore[return-value]


class Store(Protocol):
    """Every method may wait for a disk or a network, and raises `StorageError` where that failed; none is called on the
    way of a request. One thread at a time."""

    def put(self, changes: Sequence[Change]) -> None:
        """Keep changes, all or none. The same kind and id replaces what was there."""
        ...

    def since(self, version: int) -> News:
        """What changed after ``version``; 0: everything that stands."""
        ...

    def count(self, counts: Counts) -> Elsewhere:
        """Keep this gateway's totals (those that changed), and tell those of the others."""
        ...

    def kept(self) -> Counts:
        """The totals that this gateway kept before."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def change(value: msgspec.Struct) -> Change:
    """The change that keeps ``value`` (one of the types of `KINDS`)."""
    name = _BY_TYPE[type(value)]
    key = value.action.id if isinstance(value, Receipt) else getattr(value, KINDS[name][1])
    return Change(name, key, msgspec.json.encode(value))


def gone(kind: str, key: str) -> Change:
    """The change that takes ``key`` away."""
    return Change(kind, key, None)


def value_of(change: Change) -> Any:
    """A change's value, decoded; None where it is gone, of a kind that is not known, or broken."""
    if change.body is None or change.kind not in KINDS:
        return None
    try:
        return msgspec.json.decode(change.body, type=KINDS[change.kind][0])
    except (ValueError, RecursionError):
        return None


def everything(news: News, kind: type[T]) -> Iterator[T]:
    """The values of one type among ``news``."""
    name = _BY_TYPE[kind]  # type: ignore[index]
    for one in news.changes:
        if one.kind == name and (value := value_of(one)) is not None:
            yield value


def check_schema(found: str, where: object) -> None:
    """Raises `InputError` for a store that a newer version wrote, or that is none of ours."""
    if not found.isdigit():
        raise InputError("is no store of Stillwatch's", where, "name another --state or --store")
    if int(found) > SCHEMA:
        raise InputError(
            f"was written by a newer Stillwatch (schema {found}, known here: {SCHEMA})", where, "update Stillwatch"
        )
