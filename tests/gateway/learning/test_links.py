"""Replacement accounts are linked by what they show; strangers are not, and how rarely is known."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

import msgspec
import pytest

from stillwatch.campaigns.report import ErrorRate
from stillwatch.gateway.learning.gathering import Gathered, gather, learn_subjects
from stillwatch.gateway.learning.links import (
    LEAST,
    NEVER_SURER,
    STATED_AT_MOST,
    Links,
    encode_links,
    fit_links,
    read_links,
)
from stillwatch.gateway.learning.shown import Subjects, show
from stillwatch.gateway.planning import plan
from stillwatch.gateway.policy import Policy
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Measure, Subject
from tests.gateway.learning.traffic import POOL_CLIENT, POOL_WORDINGS, customers_of, log_of, people, pool, row

KEY = b"k" * 32
RATE = ErrorRate("false discovery rate", 0.01, "random groups", 999)
MEMBERS = [f"pool-{i}" for i in range(30)]
INNOCENT = 660


def claims(names: list[str], level: str = "campaign") -> list[Subject]:
    return [
        Subject(
            account_id=name, campaign_id="C1", level=level, innocent=0.01, error_rate=RATE, ruled_out=("company",),
            since=0, run="scan:1",
        )
        for name in names
    ]  # fmt: skip


def seen(rows: list[dict[str, Any]], subjects: Subjects, cards: dict[str, str] | None = None) -> dict[str, Gathered]:
    log = log_of(rows)
    return gather(log.to_batches(), KEY, subjects, customers_of({r["account_id"] for r in rows}, cards=cards))


@cache
def learnt() -> tuple[Links, Subjects]:
    rows = people(INNOCENT) + pool(MEMBERS)
    subjects = learn_subjects(log_of(rows))
    accounts = seen(rows, subjects, {name: f"shared-{i % 3}" for i, name in enumerate(MEMBERS)})
    return fit_links(claims(MEMBERS), accounts, subjects, KEY), subjects


def linked(rows: list[dict[str, Any]], cards: dict[str, str] | None = None) -> dict[str, Subject]:
    links, subjects = learnt()
    found = {}
    for name, account in seen(rows, subjects, cards).items():
        claim = links.suspect(name, account.evidence(links.models), 7)
        if claim is not None:
            found[name] = claim
    return found


def test_accounts_that_replace_others_are_linked_by_a_few_conversations() -> None:
    fresh = [f"fresh-{i}" for i in range(20)]
    found = linked(pool(fresh, sessions=3, seed=5, begin=5.0))
    assert len(found) >= 18
    for claim in found.values():
        assert (claim.level, claim.campaign_id, claim.run) == ("suspected", "C1", "link:scan:1")
        assert claim.ruled_out == ("company",)
        assert 0 < claim.error_rate.level <= STATED_AT_MOST
        assert claim.error_rate.n_null >= 600


def test_strangers_are_linked_no_oftener_than_stated() -> None:
    strangers = people(700, seed=9, first=10_000)
    assert len(linked(strangers)) <= STATED_AT_MOST * 700


def test_the_threshold_is_one_that_the_innocent_of_the_log_stay_below() -> None:
    links, _ = learnt()
    assert links.threshold is not None
    assert links.threshold >= LEAST


def test_one_thing_in_common_links_nobody() -> None:
    same_words = [row("copycat", i, f"{POOL_WORDINGS[0]}\nWhat are tides {i}?", 3.0) for i in range(1)]
    same_client = [row("neighbour", i, f"How do kilns work, part {i}?", 3.0, user_agent=POOL_CLIENT[0],
                       ja4=POOL_CLIENT[1], client_ip="198.51.100.7") for i in range(9)]  # fmt: skip
    same_card = [row("cousin", i, f"Write a sonnet about ferns {i}", 3.0, client_ip="198.51.100.8") for i in range(9)]
    assert linked(same_words + same_client + same_card, {"cousin": "shared-1"}) == {}


def test_without_a_campaign_or_without_innocents_nobody_is_suspected() -> None:
    rows = people(INNOCENT, sessions=5, seed=3)
    subjects = learn_subjects(log_of(rows))
    accounts = seen(rows, subjects)
    clean = fit_links([], accounts, subjects, KEY)
    assert clean.campaigns == ()
    few = {name: accounts[name] for name in list(accounts)[:300]} | seen(pool(MEMBERS), subjects)
    small = fit_links(claims(MEMBERS), few, subjects, KEY)
    assert small.threshold is None
    for links in (clean, small):
        for account in seen(pool(["fresh-1"], seed=8), subjects).values():
            assert links.suspect("fresh-1", account.evidence(links.models), 7) is None


def test_accounts_under_review_or_cleared_by_a_person_teach_nothing_about_a_campaign() -> None:
    rows = people(60) + pool(MEMBERS)
    subjects = learn_subjects(log_of(rows))
    accounts = seen(rows, subjects)
    assert fit_links(claims(MEMBERS, "review"), accounts, subjects, KEY).campaigns == ()
    assert fit_links(claims(MEMBERS), accounts, subjects, KEY, cleared=MEMBERS[:25]).campaigns == ()


def test_hours_and_languages_tell_nothing() -> None:
    _, subjects = learnt()
    rows = pool(["fresh-1"], sessions=4)
    later = [{**r, "started_at": r["started_at"] + dt.timedelta(hours=9), "client_network": "vpn"} for r in rows]
    first, second = (show(log_of(r).to_batches()[0], KEY, subjects) for r in (rows, later))
    assert [(e.artefacts, e.content) for e in first] == [(e.artefacts, e.content) for e in second]


def test_one_row_shows_what_it_shows_among_many() -> None:
    _, subjects = learnt()
    batch = log_of(people(5) + pool(MEMBERS[:5])).to_batches()[0]
    assert [show(batch.slice(i, 1), KEY, subjects)[0] for i in range(batch.num_rows)] == show(batch, KEY, subjects)
    assert show(batch.slice(0, 0), KEY, subjects) == []


@pytest.mark.parametrize("text", ["", "\ud800", "\x00" * 50, "a" * 200_000, "Step 1. " * 5_000, '{"role": 1}'])
def test_hostile_text_never_raises_and_leaves_hashes_alone(text: str) -> None:
    _, subjects = learnt()
    batch = log_of([row("a", 1, text, 1.0, user_agent=text[:100].replace("\ud800", "?"))]).to_batches()[0]
    shown = show(batch, KEY, subjects)[0]
    assert all(isinstance(value, int) for kind in (*shown.artefacts, *shown.content) for value in kind)


def test_what_is_kept_holds_no_text_and_comes_back_the_same() -> None:
    links, _ = learnt()
    data = encode_links(links)
    for word in (b"reasoning", b"openai", b"172.16", b"shared-1", MEMBERS[0].encode()):
        assert word not in data
    assert read_links(data) == links
    assert read_links(b"\x00" + data) is None
    assert read_links(encode_links(msgspec.structs.replace(links, version=99))) is None


# Framing: somebody makes an innocent account look like the pool.


def framed() -> Subject:
    """An innocent account onto which everything of the pool was copied: wordings, client, network, even its card."""
    rows = pool(["victim"], sessions=30, cover=0.0, seed=4)
    return linked(rows, {"victim": "shared-0"})["victim"]


def test_whoever_is_framed_is_never_said_to_be_surely_guilty() -> None:
    assert framed().innocent >= NEVER_SURER
    assert framed().level == "suspected"


@pytest.mark.parametrize("name", sorted(RESPONSES.names()))
def test_suspicion_alone_stops_nobody(name: str) -> None:
    """Whatever a policy asks for: no refusal for long, nothing that cannot be taken back."""
    parameters = {"url": "https://accounts.example/verify"} if name == "step_up" else {}
    measure = Measure(response=name, levels=LEVELS, innocent_at_most=1.0, parameters=parameters)
    policy = Policy(version=1, name="everything", mode="act", measures=(measure,))
    actions = plan([framed()], policy, b"key", 7).actions
    if name in ("hold_for_review", "suspend"):
        assert actions == ()
    for action in actions:
        assert RESPONSES.get(action.response).info.reversible
