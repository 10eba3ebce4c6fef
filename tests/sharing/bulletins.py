"""Any bulletin that there can be: for property tests of whatever carries, keeps or reads bulletins.

`bulletins()` draws one, `many_bulletins()` a tuple of them with different ids. All that the types allow may come:
no indicators, no fingerprint, ranges that are open above, bulletins taken back, microseconds, the least and largest
numbers. `example_bulletin()` is one like those of a real campaign, the same every time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, get_args

from hypothesis import strategies as st

from stillwatch.sharing.bulletin import (
    MOST_VALUES,
    SHARE_STEP,
    Bulletin,
    CampaignFacts,
    Client,
    ClientFamily,
    ErrorRate,
    Evidence,
    EvidenceName,
    Fingerprint,
    Indicator,
    KeyedArtefact,
    Life,
    ModelMove,
    Network,
    Producer,
    Range,
    Response,
    ResponseName,
    Rival,
    RivalName,
    Technique,
    TechniqueName,
    Tlp,
    Tls,
)

__all__ = ["bulletins", "campaigns", "example_bulletin", "fingerprints", "indicators", "many_bulletins", "producers"]

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9 .&-]{0,62}[A-Za-z0-9.])?"
JA4 = r"[tqd][0-9s]{2}[di][0-9]{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}"

counts = st.integers(0, 2**53)
shares = st.one_of(st.integers(0, 20).map(lambda steps: round(steps * SHARE_STEP, 2)), st.floats(0, 1))
nats = st.floats(allow_nan=False, allow_infinity=False)
days = st.dates(dt.date(2020, 1, 1), dt.date(9999, 12, 31))
moments = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
uuids = st.one_of(st.uuids(version=4), st.uuids(version=5)).map(str)


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=digits // 2, max_size=digits // 2).map(bytes.hex)


def matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True).filter(str.isascii)


def names(literal: object) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


def tuples(of: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


@st.composite
def ranges(draw: Callable[..., Any]) -> Range:
    low = draw(counts)
    return Range(low=low, high=draw(st.none() | st.integers(low, 2**53)))


def producers() -> st.SearchStrategy[Producer]:
    """Any provider."""
    return st.builds(Producer, identity=uuids, name=matching(NAME))


@st.composite
def campaigns(draw: Callable[..., Any]) -> CampaignFacts:
    """What any campaign was."""
    first, last = sorted((draw(days), draw(days)))
    return CampaignFacts(
        first_day=first,
        last_day=last,
        accounts=draw(ranges()),
        exchanges=draw(ranges()),
        taken=draw(ranges()),
        techniques=draw(tuples(st.builds(Technique, name=names(TechniqueName), share=shares))),
        evidence=draw(tuples(st.builds(Evidence, name=names(EvidenceName), nats=nats))),
        rivals=draw(tuples(st.builds(Rival, name=names(RivalName), nats=nats))),
        error_rate=draw(st.builds(ErrorRate, level=shares, innocent=shares, draws=counts)),
        q_value=draw(shares),
        waves=draw(counts),
    )


@st.composite
def indicators(draw: Callable[..., Any]) -> Indicator:
    """An indicator of any kind."""
    since, until = sorted((draw(days), draw(days)))
    kind, own = draw(
        st.one_of(
            st.tuples(st.just(Network), st.fixed_dictionaries({"asn": st.integers(1, 4294967295)})),
            st.tuples(st.just(Tls), st.fixed_dictionaries({"ja4": matching(JA4)})),
            st.tuples(st.just(Client), st.fixed_dictionaries({"family": names(ClientFamily)})),
            st.tuples(
                st.just(KeyedArtefact),
                st.fixed_dictionaries(
                    {
                        "artefact": st.sampled_from(("payment", "organization", "wording")),
                        "key_id": hexadecimal(16),
                        "digest": hexadecimal(64),
                    }
                ),
            ),
            st.tuples(st.just(Life), st.fixed_dictionaries({"days": counts, "daily": counts})),
            st.tuples(st.just(ModelMove), st.fixed_dictionaries({"days": counts})),
        )
    )
    made: Indicator = kind(valid_from=since, valid_until=until, members=draw(shares), others=draw(shares), **own)
    return made


def fingerprints() -> st.SearchStrategy[Fingerprint]:
    """Any sketch; sometimes as long as one may be."""
    values = st.integers(-32768, 32767)
    return st.builds(
        Fingerprint,
        version=st.just(1),
        space=hexadecimal(16),
        values=st.one_of(tuples(values, 16), values.map(lambda value: (value,) * MOST_VALUES)),
        scale=st.floats(0, 1e6, exclude_min=True),
        noise=st.floats(0, 1e6),
        clip=st.floats(0, 1e6, exclude_min=True),
        accounts=counts,
        advantage=shares,
    )


@st.composite
def bulletins(draw: Callable[..., Any]) -> Bulletin:
    """Any bulletin."""
    created, modified = sorted((draw(moments), draw(moments)))
    outcomes = st.sampled_from(("worked", "worked in part", "did not work", "not known yet"))
    answered = st.builds(Response, name=names(ResponseName), outcome=outcomes, returned_after=st.none() | counts)
    return Bulletin(
        id=draw(uuids),
        created=created,
        modified=modified,
        expires=draw(days),
        revoked=draw(st.booleans()),
        producer=draw(producers()),
        tlp=draw(names(Tlp)),
        k=draw(st.integers(2, 1000)),
        campaign=draw(campaigns()),
        indicators=draw(tuples(indicators())),
        fingerprint=draw(st.none() | fingerprints()),
        responses=draw(tuples(answered)),
    )


def many_bulletins(most: int = 3) -> st.SearchStrategy[tuple[Bulletin, ...]]:
    """None to ``most`` bulletins, each with its own id."""
    return st.lists(bulletins(), max_size=most, unique_by=lambda bulletin: bulletin.id).map(tuple)


def example_bulletin() -> Bulletin:
    """A campaign of graders, with an indicator of every kind, a fingerprint and two responses."""
    since, until = dt.date(2026, 9, 1), dt.date(2026, 12, 1)
    valid = {"valid_from": since, "valid_until": until}
    return Bulletin(
        id="6f1c2a34-8d0e-4a5b-9c1d-2e3f4a5b6c7d",
        created=dt.datetime(2026, 9, 2, 8, 30, tzinfo=dt.UTC),
        modified=dt.datetime(2026, 9, 4, 10, tzinfo=dt.UTC),
        expires=dt.date(2027, 3, 1),
        producer=Producer(identity="0b54a1c6-5f7e-4d39-8a21-7c9d3e5f1a2b", name="Example Models Inc."),
        tlp="amber",
        k=10,
        campaign=CampaignFacts(
            first_day=dt.date(2026, 7, 1),
            last_day=dt.date(2026, 8, 30),
            accounts=Range(low=50, high=99),
            exchanges=Range(low=100_000, high=199_999),
            taken=Range(low=50_000, high=99_999),
            techniques=(Technique(name="rubric_grading", share=0.7), Technique(name="jailbreak", share=0.05)),
            evidence=(Evidence(name="content", nats=4.0), Evidence(name="wordings", nats=2.5)),
            rivals=(Rival(name="class", nats=9.0), Rival(name="shared_wording", nats=3.0)),
            error_rate=ErrorRate(level=0.02, innocent=0.01, draws=500),
            q_value=0.01,
            waves=2,
        ),
        indicators=(
            Network(asn=64500, members=0.6, others=0.0, **valid),
            Network(asn=64501, members=0.3, others=0.05, **valid),
            Tls(ja4="t13d1516h2_8daaf6152771_b186095e22b6", members=0.9, others=0.2, **valid),
            Client(family="openai-python", members=0.95, others=0.4, **valid),
            KeyedArtefact(
                artefact="wording",
                key_id="00112233aabbccdd",
                digest="5e" * 32,
                members=0.8,
                others=0.0,
                **valid,
            ),
            Life(days=10, daily=50, members=1.0, others=0.1, **valid),
            ModelMove(days=3, members=0.9, others=0.15, **valid),
        ),
        fingerprint=Fingerprint(
            version=1,
            space="a1b2c3d4e5f60718",
            values=tuple(range(-32, 32)),
            scale=0.001,
            noise=0.02,
            clip=1.0,
            accounts=50,
            advantage=0.05,
        ),
        responses=(
            Response(name="slow_down", outcome="worked in part", returned_after=3),
            Response(name="suspend", outcome="not known yet"),
        ),
    )


def indicators_that_come_back(some: tuple[Bulletin, ...]) -> list[tuple[str, str, str, dt.date]]:
    """What a format that carries indicators alone gives back: kind, value, whose, and the sooner of both ends."""
    return [
        (
            "asn" if isinstance(item, Network) else "ja4",
            str(item.asn) if isinstance(item, Network) else item.ja4,
            bulletin.id,
            min(item.valid_until, bulletin.expires),
        )
        for bulletin in some
        if not bulletin.revoked
        for item in bulletin.indicators
        if isinstance(item, Network | Tls)
    ]
