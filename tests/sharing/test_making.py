"""A campaign of a run becomes a bulletin: what it says, what it leaves out, and what it refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.sharing.bulletin import Bulletin, Client, KeyedArtefact, Life, ModelMove, Network, Range, Tls
from stillwatch.sharing.facts import waves
from stillwatch.sharing.indicators import LIFETIMES
from stillwatch.sharing.keys import SharingKey
from stillwatch.sharing.making import Prepared, prepare, producer_of, revoked
from stillwatch.sharing.run import noise_secret
from tests.sharing import made_runs
from tests.sharing.made_runs import DAYS, EVERYONE, JA4, NOW, TERMS, Made, plain

KEY = SharingKey(bytes(range(32)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_runs.write(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def whole(made: Made) -> Prepared:
    return prepare(made.run, "C1", replace(TERMS, key=KEY), log=made.log, customers=made.customers)


def of(prepared: Prepared, kind: type) -> list[Any]:
    return [indicator for indicator in prepared.bulletin.indicators if isinstance(indicator, kind)]


def test_the_facts_are_those_of_the_run_and_coarse(whole: Prepared) -> None:
    facts = whole.bulletin.campaign
    assert (facts.first_day, facts.last_day) == (dt.date(2026, 9, 1), dt.date(2026, 9, 12))
    assert facts.accounts == Range(low=20, high=49)
    assert facts.exchanges == Range(low=200, high=499)
    assert facts.taken == Range(low=100, high=199)
    assert {item.name: item.nats for item in facts.rivals} == {"class": 9, "own_habits": 4}
    assert [item.name for item in facts.rivals] == ["own_habits", "class"], "the closest explanation comes first"
    assert {item.name: item.nats for item in facts.evidence} == {"content": 12.5, "usage": -0.5}
    assert (facts.error_rate.level, facts.error_rate.innocent, facts.error_rate.draws) == (0.01, 0.02, 199)
    assert facts.q_value == 0.0005
    assert facts.waves == 1


def test_indicators_say_how_many_innocent_they_would_touch(whole: Prepared) -> None:
    assert [(n.asn, n.members, n.others) for n in of(whole, Network)] == [(24940, 0.5, 0.0)]
    assert [(t.ja4, t.members, t.others) for t in of(whole, Tls)] == [(JA4, 0.75, 0.0)]
    assert [(c.family, c.members, c.others) for c in of(whole, Client)] == [("httpx", 0.75, 0.0)]
    assert [(m.days, m.members) for m in of(whole, ModelMove)] == [], "one innocent moved too, and would be singled out"
    assert len(of(whole, KeyedArtefact)) == 2


def test_what_few_innocent_share_is_left_out_and_said(whole: Prepared) -> None:
    said = {(item.what, item.number): item.why for item in whole.left_out}
    assert "single them out" in said["moves to a new model", 1]
    assert "fewer than 10 of the campaign's accounts" in said["organisations", 24]
    assert "no JA4 fingerprint" in said["TLS fingerprints", 6]


def test_artefacts_are_hashed_under_the_shared_key(whole: Prepared) -> None:
    told = {artefact.digest for artefact in of(whole, KeyedArtefact)}
    cards = [f"stillwatch keyed artefact 1\0payment\0{plain('payment', card)}".encode() for card in (0, 1)]
    assert told == {hmac.new(KEY.secret, card, hashlib.sha256).hexdigest() for card in cards}
    assert {artefact.key_id for artefact in of(whole, KeyedArtefact)} == {KEY.key_id}


@pytest.mark.parametrize(
    "value",
    ["203.0.113.77", "203.0.113.77:443", "2001:db8::1", "203.0.113.0/24", "+49 (170) 123-4567-89", "4111111111111111",
     "somebody@example.com", "card-1", "7"],
)  # fmt: skip
def test_what_can_be_guessed_is_not_even_hashed(value: str, tmp_path: Path) -> None:
    made = made_runs.write(tmp_path, lambda kind, n: value if (kind, n) == ("payment", 0) else plain(kind, n))
    prepared = prepare(made.run, "C1", replace(TERMS, key=KEY), log=made.log, customers=made.customers)
    assert KEY.digest("payment", value) not in msgspec.json.encode(prepared.bulletin).decode()
    assert len(of(prepared, KeyedArtefact)) == 1


def test_without_the_log_it_tells_less_and_says_so(made: Made) -> None:
    prepared = prepare(made.run, "C1", TERMS)
    assert {type(indicator) for indicator in prepared.bulletin.indicators} <= {Life}
    assert any("no log was given" in item.why for item in prepared.left_out)
    assert any("no key was given" in item.why for item in prepared.left_out)


def test_a_technique_is_told_where_enough_accounts_stand_behind_it(made: Made) -> None:
    with_log = prepare(made.run, "C1", replace(TERMS, k=2), log=made.log)
    assert {item.name for item in with_log.bulletin.campaign.techniques} == {"reasoning_elicitation", "plain"}
    few = prepare(made.run, "C1", TERMS, log=made.log)
    assert {item.name for item in few.bulletin.campaign.techniques} == {"plain"}
    without = prepare(made.run, "C1", TERMS)
    assert {item.name for item in without.bulletin.campaign.techniques} <= {"plain"}


def test_a_larger_k_leaves_out_more(made: Made) -> None:
    def told(k: int) -> set[str]:
        prepared = prepare(made.run, "C1", replace(TERMS, k=k, key=KEY), log=made.log, customers=made.customers)
        return {msgspec.json.encode(indicator).decode() for indicator in prepared.bulletin.indicators}

    assert told(13) < told(10)
    assert not any("24940" in text for text in told(13))


@pytest.mark.parametrize(
    ("campaign", "message"),
    [("C2", "fewer than 10 accounts"), ("C3", "under review, which is no accusation"), ("C9", "its campaigns: C1, C2")],
)
def test_what_is_refused_is_one_clear_line(campaign: str, message: str, made: Made) -> None:
    with pytest.raises(UsageError, match=message):
        prepare(made.run, campaign, TERMS)


def test_another_log_is_refused(made: Made, tmp_path: Path) -> None:
    rows = [made_runs.exchange(number, plain) for number in range(EVERYONE * (DAYS - 1))]
    shorter = made_runs.write(tmp_path / "shorter", rows=rows)
    with pytest.raises(InputError, match="other numbers of exchanges"):
        prepare(made.run, "C1", TERMS, log=shorter.log)
    other = made_runs.write(tmp_path / "other", lambda kind, n: plain(kind, n + 1))
    with pytest.raises(InputError, match="accounts that the run does not have"):
        prepare(made.run, "C1", TERMS, log=other.log)


@pytest.mark.parametrize("damage", ["report.json", "accounts.parquet"])
def test_a_broken_run_is_one_line(damage: str, tmp_path: Path) -> None:
    made = made_runs.write(tmp_path)
    (made.run / damage).write_bytes(b"{")
    with pytest.raises(InputError, match=damage):
        prepare(made.run, "C1", TERMS)
    (made.run / damage).unlink()
    with pytest.raises(InputError, match=damage):
        prepare(made.run, "C1", TERMS)


def test_the_same_inputs_give_the_same_bytes(made: Made) -> None:
    def once(secret: bytes) -> bytes:
        terms = replace(TERMS, tlp="green", k=10, key=KEY, expires_after=90, now=NOW, secret=secret)
        prepared = prepare(made.run, "C1", terms, log=made.log, customers=made.customers)
        return msgspec.json.encode(prepared.bulletin)

    assert once(b"1" * 32) == once(b"1" * 32)


def test_nothing_outlives_the_bulletin_or_is_told_when_it_is_stale(made: Made, whole: Prepared) -> None:
    assert whole.bulletin.expires == NOW.date() + dt.timedelta(days=180)
    for indicator in whole.bulletin.indicators:
        assert indicator.valid_from <= indicator.valid_until <= whole.bulletin.expires
    (network,) = of(whole, Network)
    assert network.valid_until == dt.date(2026, 9, 12) + dt.timedelta(days=LIFETIMES["network"])
    late = replace(TERMS, now=NOW + dt.timedelta(days=40))
    prepared = prepare(made.run, "C1", late, log=made.log)
    assert of(prepared, Network) == []
    assert of(prepared, Tls) != []
    assert any(item.what == "networks" and "too long ago" in item.why for item in prepared.left_out)


def test_telling_it_again_replaces_it_and_it_can_be_taken_back(made: Made) -> None:
    first = prepare(made.run, "C1", TERMS).bulletin
    again = prepare(made.run, "C1", replace(TERMS, now=NOW + dt.timedelta(days=1))).bulletin
    assert again.id == first.id
    assert again.modified > first.modified
    other = prepare(made.run, "C1", replace(TERMS, producer=producer_of("Other AI"))).bulletin
    assert other.id != first.id
    back = revoked(again, NOW + dt.timedelta(days=2))
    assert (back.id, back.revoked, back.indicators, back.fingerprint) == (first.id, True, (), None)
    with pytest.raises(UsageError, match="already"):
        revoked(back, NOW + dt.timedelta(days=3))
    with pytest.raises(UsageError, match="later than now"):
        revoked(again, NOW)


def test_a_new_scan_replaces_an_earlier_bulletin_by_its_file(made: Made, tmp_path: Path) -> None:
    first = prepare(made.run, "C1", TERMS).bulletin
    rows = [made_runs.exchange(number, plain) for number in range(EVERYONE * (DAYS - 1))]
    later = made_runs.write(tmp_path, rows=rows)
    terms = replace(TERMS, replaces=first, now=NOW + dt.timedelta(days=1))
    second = prepare(later.run, "C1", terms).bulletin
    assert (second.id, second.created) == (first.id, first.created)
    assert second.modified > first.modified
    assert prepare(later.run, "C1", TERMS).bulletin.id != first.id
    with pytest.raises(UsageError, match="somebody else"):
        prepare(later.run, "C1", replace(terms, producer=producer_of("Other AI")))


@pytest.mark.parametrize(
    "terms",
    [replace(TERMS, k=1), replace(TERMS, k=1001), replace(TERMS, expires_after=0), replace(TERMS, lifetimes={}),
     replace(TERMS, lifetimes=dict(LIFETIMES) | {"tls": -1}), replace(TERMS, now=NOW.replace(tzinfo=None))],
)  # fmt: skip
def test_terms_out_of_range_are_refused(terms: Any, made: Made) -> None:
    with pytest.raises(UsageError):
        prepare(made.run, "C1", terms)


@pytest.mark.parametrize("name", ["", "a" * 65, "x\ny", "Ünïcode", "<b>", "=cmd()", "acct_1 -- see http://x"])
def test_a_provider_has_a_plain_name(name: str) -> None:
    with pytest.raises(UsageError, match="--as"):
        producer_of(name)
    with pytest.raises(UsageError, match="--identity"):
        producer_of("Example AI", "not a uuid")


def test_the_noise_is_drawn_from_the_runs_secret(made: Made, tmp_path: Path) -> None:
    assert noise_secret(made.run) is None
    salt = tmp_path / "salt"
    salt.write_text("ab" * 32)
    assert noise_secret(made.run, salt) == b"\xab" * 32
    with pytest.raises(InputError, match="no such file"):
        noise_secret(made.run, tmp_path / "none")


def test_what_its_types_forbid_cannot_be_made(made: Made) -> None:
    bulletin = prepare(made.run, "C1", TERMS).bulletin
    for changes in ({"tlp": "mauve"}, {"k": 1}, {"id": "C1"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(msgspec.to_builtins(bulletin) | changes, Bulletin)


def lives(*cohorts: tuple[int, int, int]) -> tuple[Any, Any]:
    """Accounts as (how many, first day, last day)."""
    first = np.concatenate([np.full(n, begun) for n, begun, _ in cohorts])
    return first, np.concatenate([np.full(n, ended) for n, _, ended in cohorts])


def test_waves_are_cohorts_that_relieve_one_another() -> None:
    assert waves(*lives((30, 0, 5), (30, 6, 10), (30, 11, 20)), k=10) == 3
    assert waves(*lives((60, 0, 20)), k=10) == 1
    assert waves(*lives((30, 0, 20), (30, 10, 20)), k=10) == 1, "who joins relieves nobody"
    assert waves(*lives((30, 0, 5), (9, 6, 10)), k=10) == 1, "nine are no cohort where k is ten"
