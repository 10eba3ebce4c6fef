"""A peer's campaign is looked for among our groups, weighed by the peer's record, and accuses nobody by itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from stillwatch.cli import main
from stillwatch.progress import Silent
from stillwatch.sharing.bulletin import Bulletin, Network, Tls
from stillwatch.sharing.formats.own import FORMAT
from stillwatch.sharing.keys import make_key
from stillwatch.sharing.making import prepare
from stillwatch.sharing.matching import Heard, Match, Matching, match, peer_of
from stillwatch.sharing.peers import MOST, Ledger, Sighting, note, read_ledger
from stillwatch.sharing.run import read_report
from stillwatch.sharing.showing import looked_for, shown_in
from tests.sharing.made_runs import EVERYONE, NOW, TERMS, Made, customer, exchange, plain, write

TODAY = NOW.date()
NOBODY_KNOWN = Ledger()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return write(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def told(made: Made) -> Bulletin:
    """The bulletin of a peer on whom the same campaign works."""
    return prepare(made.run, "C1", TERMS, log=made.log, customers=None, progress=Silent()).bulletin


def matched(made: Made, *bulletins: Bulletin, ledger: Ledger = NOBODY_KNOWN, today: dt.date = TODAY) -> Matching:
    wanted = {indicator for bulletin in bulletins for indicator in looked_for(bulletin, today)}
    shown = shown_in(made.log, None, None, wanted, Silent())
    heard = [Heard(bulletin, peer_of(bulletin, None)) for bulletin in bulletins]
    return match(heard, read_report(made.run / "report.json"), None, ledger, today=today, shown=shown)


def of(found: Matching, campaign_id: str) -> Match:
    return next(pair for pair in found.pairs if pair.campaign_id == campaign_id)


def trusting(bulletin: Bulletin) -> Ledger:
    """A ledger in which the bulletin's producer was right in twenty cases of ours."""
    return note(
        NOBODY_KNOWN,
        tuple(
            Sighting(
                bulletin=str(UUID(int=number, version=4)), peer=bulletin.producer.identity, name=bulletin.producer.name,
                first_day=TODAY, accounts=24, p_value=0.001, outcome="right", case=f"case {number}",
            )
            for number in range(20)
        ),
    )  # fmt: skip


def poisoned(bulletin: Bulletin) -> Bulletin:
    """A bulletin of the same peer that names whatever innocent people here use."""
    period = {"valid_from": TODAY, "valid_until": TODAY, "members": 1.0, "others": 0.0}
    everyone = [exchange(number, plain) for number in range(EVERYONE)]
    networks = {row["client_asn"] for row in everyone}
    seen = {i.ja4 for i in bulletin.indicators if isinstance(i, Tls)} | {"t13d1715h1_5b57614c22b0_3d5424432f57"}
    named = (*(Network(asn=asn, **period) for asn in sorted(networks)), *(Tls(ja4=ja4, **period) for ja4 in seen))
    return msgspec.structs.replace(bulletin, id=str(UUID(int=5, version=4)), indicators=named)


def test_the_same_campaign_is_found_here_and_no_other_group_is(made: Made, told: Bulletin) -> None:
    found = matched(made, told)
    assert [pair.campaign_id for pair in found.pairs if pair.matches] == ["C1"]
    assert of(found, "C1").hits > 12
    adjusted = of(found, "C1").adjusted
    assert adjusted is not None
    assert adjusted <= found.level


def test_a_peer_without_a_record_moves_nothing(made: Made, told: Bulletin) -> None:
    pair = of(matched(made, told), "C1")
    assert (pair.matches, pair.moved, pair.innocent_after) == (True, 0.0, pytest.approx(pair.innocent))


def test_a_peer_that_was_right_moves_a_match_by_no_more_than_the_bound(made: Made, told: Bulletin) -> None:
    found = matched(made, told, ledger=trusting(told))
    assert 0 < of(found, "C1").moved <= MOST
    assert of(found, "C1").innocent_after < of(found, "C1").innocent
    assert all(pair.moved == 0 for pair in found.pairs if not pair.matches), "what does not match moves nothing"


def test_a_name_that_somebody_else_uses_has_earned_nothing(made: Made, told: Bulletin) -> None:
    """The producer's identity is a claim; what came over another way than before has no record."""
    assert peer_of(told, "pulled from a stranger") != peer_of(told, "Example AI's server") != peer_of(told, None)
    report, ledger = read_report(made.run / "report.json"), trusting(told)
    wanted = looked_for(told, TODAY)
    shown = shown_in(made.log, None, None, wanted, Silent())
    stolen = [Heard(told, peer_of(told, "pulled from a stranger"))]
    pair = of(match(stolen, report, None, ledger, today=TODAY, shown=shown), "C1")
    assert (pair.matches, pair.moved) == (True, 0.0)


def test_what_was_taken_back_or_expired_is_not_used(made: Made, told: Bulletin) -> None:
    back = msgspec.structs.replace(told, revoked=True)
    found = matched(made, back, today=TODAY)
    assert (found.pairs, len(found.unused)) == ((), 1)
    assert "took it back" in found.unused[0]
    late = matched(made, told, today=told.expires + dt.timedelta(days=1))
    assert (late.pairs, len(late.unused)) == ((), 1)
    assert "expired" in late.unused[0]


def test_the_more_is_asked_the_surer_a_match_must_be(made: Made, told: Bulletin) -> None:
    many = [msgspec.structs.replace(told, id=str(UUID(int=n, version=4)), indicators=()) for n in range(1, 6)]
    alone, among = matched(made, told), matched(made, told, poisoned(told), *many)
    first, second = of(alone, "C1").adjusted, next(p for p in among.pairs if p.bulletin == told.id).adjusted
    assert first is not None
    assert second is not None
    assert second > first


def test_without_the_log_it_says_that_indicators_were_not_looked_for(made: Made, told: Bulletin) -> None:
    found = match(
        [Heard(told, told.producer.identity)], read_report(made.run / "report.json"), None, NOBODY_KNOWN, today=TODAY
    )
    assert all(pair.p_value is None and not pair.matches for pair in found.pairs)
    assert any("--log" in sentence for sentence in found.blind)


def test_a_poisoned_feed_accuses_nobody(made: Made, told: Bulletin) -> None:
    """Not even under the name of the most trusted peer: groups are those of the scan, verdicts too."""
    report = read_report(made.run / "report.json")
    poison = poisoned(told)
    found = matched(made, poison, ledger=trusting(poison))
    verdicts = {c.campaign_id: c.verdict for c in report.campaigns}
    assert {pair.campaign_id for pair in found.pairs} <= set(verdicts)
    assert all(pair.verdict == verdicts[pair.campaign_id] for pair in found.pairs)
    assert all(pair.moved <= MOST for pair in found.pairs)
    outsiders = {a.account_id for a in report.accounts if a.campaign_id is None}
    said = msgspec.json.encode(found).decode()
    assert not any(account in said for account in outsiders)


def test_a_run_without_groups_has_nothing_to_match(made: Made, told: Bulletin) -> None:
    report = msgspec.structs.replace(read_report(made.run / "report.json"), campaigns=())
    assert match([Heard(told, told.producer.identity)], report, None, NOBODY_KNOWN, today=TODAY, shown={}).pairs == ()


def test_means_of_payment_match_under_the_key_that_both_hold_and_under_no_other(tmp_path: Path) -> None:
    made = write(tmp_path / "world")
    key, other = make_key(tmp_path / "ours.key"), make_key(tmp_path / "other.key")
    terms = dataclasses.replace(TERMS, key=key)
    keyed = prepare(made.run, "C1", terms, log=None, customers=made.customers, progress=Silent()).bulletin
    wanted = looked_for(keyed, TODAY)
    assert wanted, "the campaign's shared cards are told, hashed"
    shown = shown_in(made.log, made.customers, key, wanted, Silent())
    paid = {account for accounts in shown.values() for account in accounts}
    assert paid == {customer(number, plain)["account_id"] for number in range(24)}
    assert not any(shown_in(made.log, made.customers, other, wanted, Silent()).values())


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


def test_the_command_tells_a_match_with_its_error_rate_and_what_was_ruled_out(
    made: Made, told: Bulletin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, ledger = tmp_path / "c1.json", tmp_path / "peers.json"
    fresh = msgspec.structs.replace(told, expires=dt.date(2100, 1, 1))
    forever = tuple(msgspec.structs.replace(i, valid_until=dt.date(2100, 1, 1)) for i in fresh.indicators)
    document.write_bytes(FORMAT.encode((msgspec.structs.replace(fresh, indicators=forever),)))
    before = {file.name: file.read_bytes() for file in made.run.iterdir()}
    code, out, _ = called(
        capsys, "match", str(document), "--run", str(made.run), "--log", str(made.log_file), "--ledger", str(ledger)
    )
    assert code == 1
    for words in ("C1 (campaign)", "p =", "is innocent", "has earned nothing yet", "A match is no verdict"):
        assert words in " ".join(out.split())
    assert [s.bulletin for s in read_ledger(ledger).sightings] == [told.id]
    assert {file.name: file.read_bytes() for file in made.run.iterdir()} == before, "nothing is written into a run"

    code, out, _ = called(capsys, "share", "judge", told.id, "--ledger", str(ledger), "--right", "CASE-12")
    assert (code, "right in 1, wrong in 0" in out) == (0, True)
    code, out, _ = called(capsys, "share", "peers", "--ledger", str(ledger))
    assert code == 0
    assert "Example AI" in out


def test_the_command_says_in_one_line_what_it_cannot_do(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.json").write_bytes(b"{")
    for arguments, says in (
        (("--run", str(made.run)), "nothing to match"),
        ((str(tmp_path / "none.json"), "--run", str(made.run)), "none.json"),
        ((str(tmp_path / "broken.json"), "--run", str(made.run)), "broken.json"),
        ((str(tmp_path / "broken.json"), "--run", str(tmp_path)), "report.json"),
        ((str(tmp_path / "broken.json"), "--run", str(made.run), "--level", "2"), "--level"),
    ):
        code, out, err = called(capsys, "match", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err
