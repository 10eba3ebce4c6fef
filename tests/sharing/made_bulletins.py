"""A bulletin with every kind of part in it, and every other value that each place of it may hold."""

from __future__ import annotations

import datetime as dt
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from stillwatch.sharing.bulletin import (
    Bulletin,
    CampaignFacts,
    Client,
    ErrorRate,
    Evidence,
    Fingerprint,
    KeyedArtefact,
    Life,
    ModelMove,
    Network,
    Producer,
    Range,
    Response,
    Rival,
    Technique,
    Tls,
)

FIRST, UNTIL = dt.date(2026, 9, 1), dt.date(2026, 12, 24)
NOON = dt.datetime(2026, 9, 30, 12, 34, 56, tzinfo=dt.UTC)
_RANGE: dict[str, Any] = {"valid_from": FIRST, "valid_until": UNTIL, "members": 0.85, "others": 0.15}

WHOLE = Bulletin(
    id="2f1c3d9e-0000-4000-8000-0123456789ab",
    created=NOON,
    modified=NOON + dt.timedelta(hours=3),
    expires=dt.date(2027, 3, 1),
    producer=Producer(identity="7b1d2c3e-1111-4000-8000-0123456789ab", name="Example AI"),
    tlp="amber",
    k=12,
    campaign=CampaignFacts(
        first_day=FIRST + dt.timedelta(days=2),
        last_day=FIRST + dt.timedelta(days=20),
        accounts=Range(low=50, high=99),
        exchanges=Range(low=2000, high=4999),
        taken=Range(low=1000, high=1999),
        techniques=(Technique(name="rubric_grading", share=0.65), Technique(name="plain", share=0.3)),
        evidence=(Evidence(name="payment", nats=3.5), Evidence(name="other", nats=-1.2)),
        rivals=(Rival(name="class", nats=14.0), Rival(name="company", nats=100.0), Rival(name="other", nats=-2.0)),
        error_rate=ErrorRate(level=0.01, innocent=0.02, draws=1999),
        q_value=0.0005,
        waves=3,
    ),
    indicators=(
        Network(asn=24940, **_RANGE),
        Tls(ja4="t13d1516h2_8daaf6152771_02713d6af862", **_RANGE),
        Client(family="httpx", **_RANGE),
        KeyedArtefact(artefact="payment", key_id="0123456789abcdef", digest="5e" * 32, **_RANGE),
        Life(days=5, daily=20, **_RANGE),
        ModelMove(days=2, **_RANGE),
    ),
    fingerprint=Fingerprint(
        version=1, space="fedcba9876543210", values=(17, -3, 0, 211), scale=0.001, noise=0.07, clip=1.5, accounts=50,
        advantage=0.04,
    ),
    responses=(
        Response(name="slow_down", outcome="worked", returned_after=14),
        Response(name="hold", outcome="did not work"),
    ),
)  # fmt: skip
FIXED = {"version"}
"""A format's version is one: no other value may stand there."""


def changed(thing: Any = WHOLE, path: str = "") -> Iterator[tuple[str, Any]]:
    """``thing`` with one value changed, for each of its values, and with one part less, for each in its lists."""
    for field in msgspec.structs.fields(thing):
        if field.name not in FIXED:
            value = getattr(thing, field.name)
            for where, other in _others(value, field.type, f"{path}/{field.name}"):
                yield where, msgspec.structs.replace(thing, **{field.name: other})


def _others(value: Any, kind: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        yield from changed(value, path)
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            without, after = value[:place], value[place + 1 :]
            yield f"{path}/{place} gone", (*without, *after)
            inside = typing.get_args(plain_type(kind))[0]
            for where, other in _others(inner, inside, f"{path}/{place}"):
                yield where, (*without, other, *after)
    else:
        yield path, _other(value, plain_type(kind))
    if value is not None and type(None) in typing.get_args(kind):
        yield f"{path} gone", None


def plain_type(kind: Any) -> Any:
    """A type without what is noted on it."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def _other(value: Any, kind: Any) -> Any:
    """Another value for the same place."""
    if typing.get_origin(kind) is typing.Literal:
        return next(word for word in typing.get_args(kind) if word != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 0.9
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(seconds=1)
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=1)
    if isinstance(value, str):
        return f"{value[:-1]}{'a' if value[-1] != 'a' else 'b'}"
    assert value is None
    return 7
