"""Transcripts: both sides tell the same, nothing in them is an artefact, and a changed byte is named."""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Silent
from stillwatch.sharing.private import recorded, transcript
from stillwatch.sharing.private.items import items_of
from stillwatch.sharing.private.protocol import Limits
from stillwatch.sharing.private.transcript import Entry, check, compare, note, read_entries

CARDS = [f"card-{n:04}" for n in range(30)]
LIMITS = Limits()


def held(folder: Path, limits: Limits = LIMITS) -> tuple[Path, Path]:
    """One more session between two sides, each with its transcript."""
    ours, theirs = folder / "offering.jsonl", folder / "asking.jsonl"
    offer, setup = recorded.begin_offer(items_of("payment", CARDS), "items", "asker", ours, Silent())
    ask, request, offered = recorded.begin_ask(
        setup, items_of("payment", CARDS[10:]), "items", "offerer", theirs, Silent()
    )
    response, _ = recorded.answer(offer, request, ours, limits, Silent())
    assert (offered, recorded.finish(ask, response, theirs, Silent()).size) == (30, 20)
    return ours, theirs


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("both")
    held(folder)
    ours, theirs = held(folder)
    return ours.read_bytes(), theirs.read_bytes()


def test_both_sides_tell_the_same_and_never_an_artefact(both: tuple[bytes, bytes]) -> None:
    ours, theirs = check(both[0]), check(both[1])
    assert (len(ours.entries), ours.problems, len(theirs.entries), theirs.problems) == (6, (), 8, ())
    assert compare(ours, theirs) == compare(theirs, ours) == ()
    assert b"card" not in both[0] + both[1]
    assert [(e.event, e.items) for e in theirs.entries[:4]] == [
        ("setup", 30),
        ("request", 20),
        ("response", 20),
        ("result", 0),  # how many are common is not for the other side
    ]


def test_a_transcript_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    ours, _ = held(tmp_path)
    assert ours.stat().st_mode & 0o777 == 0o600


@given(st.data())
def test_a_changed_byte_is_named_by_its_line(both: tuple[bytes, bytes], data: st.DataObject) -> None:
    whole = bytearray(both[0])
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    line = both[0][:place].count(b"\n") + 1
    checked = check(bytes(whole))
    assert len(checked.entries) == line - 1
    assert checked.problems[0].startswith(f"line {line} ")


@given(st.data())
def test_a_line_taken_out_put_in_or_moved_is_named(both: tuple[bytes, bytes], data: st.DataObject) -> None:
    lines = both[0].splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines) - 2))
    for other in (
        lines[:place] + lines[place + 1 :],
        lines[: place + 1] + lines[place:],
        [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]],
    ):
        checked = check(b"".join(other))
        assert checked.problems
        assert len(checked.entries) in (place, place + 1)


def test_cut_off_at_the_end_the_other_side_still_tells(both: tuple[bytes, bytes]) -> None:
    shorter = check(b"".join(both[0].splitlines(keepends=True)[:-1]))
    assert shorter.problems == ()
    assert "the response is in one transcript only" in compare(shorter, check(both[1]))[0]


def test_a_chain_made_anew_over_another_message_is_found_by_the_other_side(
    both: tuple[bytes, bytes], tmp_path: Path
) -> None:
    forged = tmp_path / "forged.jsonl"
    for entry in check(both[0]).entries:
        wrong = "0" * 64 if entry.line == 2 else entry.message
        note(forged, Entry(**{**{f: getattr(entry, f) for f in entry.__struct_fields__}, "message": wrong, "hash": ""}))
    rewritten = read_entries(forged)
    assert rewritten.problems == ()
    assert "the request is another message in each (lines 2, 2)" in compare(rewritten, check(both[1]))[0]


def test_transcripts_of_one_side_or_of_strangers_prove_nothing(both: tuple[bytes, bytes], tmp_path: Path) -> None:
    assert "of the same side" in compare(check(both[0]), check(both[0]))[0]
    stranger, _ = held(tmp_path)
    assert compare(read_entries(stranger), check(both[1])) == ("no session is in both transcripts",)
    assert check(b"") == ((), ())
    assert compare(check(b""), check(b"")) == ("no session is in both transcripts",)


def test_nothing_is_added_to_a_transcript_that_does_not_hold(tmp_path: Path) -> None:
    ours, _ = held(tmp_path)
    broken = ours.read_bytes().replace(b'"items":30', b'"items":31')
    ours.write_bytes(broken)
    with pytest.raises(InputError, match="line 1 was changed"):
        recorded.begin_offer(items_of("payment", ["a"]), "items", "asker", ours, Silent())
    assert ours.read_bytes() == broken
    ours.write_bytes(b"{}")
    with pytest.raises(InputError, match="line 1 is cut short"):
        transcript.asked_since(ours, "asker", dt.datetime.now(dt.UTC))


def test_two_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    entry = Entry(
        line=0, at="", role="asking", peer="p", session="0" * 32, event="result", mode="items", kind="ja4", items=0
    )
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: note(path, entry), range(40)))
    checked = read_entries(path)
    assert (len(checked.entries), checked.problems) == (40, ())


def test_a_peer_is_answered_so_often_and_with_so_many(tmp_path: Path) -> None:
    held(tmp_path)
    held(tmp_path)
    with pytest.raises(InputError, match="answered 2 times a day; wait until tomorrow"):
        held(tmp_path, Limits(sessions=2))
    with pytest.raises(InputError, match="asks with 20 artefacts after 40 within thirty days; 59 are allowed"):
        held(tmp_path, Limits(monthly=59))
    held(tmp_path, Limits(sessions=3, monthly=60))
    refused = [entry for entry in read_entries(tmp_path / "offering.jsonl").entries if entry.event == "refused"]
    assert [entry.why.split(";")[0] for entry in refused] == [
        "is one too many: a peer is answered 2 times a day",
        "asks with 20 artefacts after 40 within thirty days",
    ]


def test_limits_count_this_peer_and_this_time_only(tmp_path: Path) -> None:
    ours, _ = held(tmp_path)
    now = dt.datetime.now(dt.UTC)
    assert transcript.asked_since(ours, "asker", now - dt.timedelta(days=1)) == (1, 20)
    assert transcript.asked_since(ours, "another", now - dt.timedelta(days=1)) == (0, 0)
    assert transcript.asked_since(ours, "asker", now + dt.timedelta(days=1)) == (0, 0)
    assert transcript.asked_since(tmp_path / "none", "asker", now) == (0, 0)


def test_a_name_as_long_as_a_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long for a transcript"):
        recorded.begin_offer(items_of("payment", ["a"]), "items", "x" * 5000, tmp_path / "t", Silent())


def test_an_enormous_or_missing_transcript_is_one_line(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        os.truncate(file.fileno(), 2**33)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        read_entries(large)
    with pytest.raises(InputError, match="cannot be read"):
        read_entries(tmp_path / "none")
