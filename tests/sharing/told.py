"""Bulletins for tests of how they travel and are kept: small, valid, told apart by a number."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec

from stillwatch.sharing.bulletin import Bulletin, CampaignFacts, ErrorRate, Network, Producer, Range, Rival, Technique

__all__ = ["DAY", "bulletin", "changed", "producer"]

DAY = dt.date(2026, 11, 28)
_NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def producer(number: int = 1) -> Producer:
    """A provider."""
    return Producer(identity=str(uuid.UUID(int=10_000 + number, version=4)), name=f"Example AI {number}")


def bulletin(number: int, **changes: Any) -> Bulletin:
    """The bulletin of this number; ``changes`` are fields of it."""
    first, until = dt.date(2026, 11, 1), dt.date(2027, 5, 1)
    facts = CampaignFacts(
        first_day=first,
        last_day=dt.date(2026, 11, 19),
        accounts=Range(low=20, high=49),
        exchanges=Range(low=5000, high=9999),
        taken=Range(low=2000, high=4999),
        techniques=(Technique(name="rubric_grading", share=0.6),),
        evidence=(),
        rivals=(Rival(name="shared_taste", nats=12.0),),
        error_rate=ErrorRate(level=0.01, innocent=0.0, draws=200),
        q_value=0.01,
    )
    made = Bulletin(
        id=str(uuid.UUID(int=number, version=4)),
        created=_NOON,
        modified=_NOON,
        expires=until,
        producer=producer(),
        tlp="green",
        k=10,
        campaign=facts,
        indicators=(Network(asn=64_496 + number % 16, valid_from=first, valid_until=until, members=0.8, others=0.05),),
    )
    return msgspec.structs.replace(made, **changes)


def changed(old: Bulletin, hours: int = 1, **changes: Any) -> Bulletin:
    """A later version of it."""
    return msgspec.structs.replace(old, modified=old.modified + dt.timedelta(hours=hours), **changes)
