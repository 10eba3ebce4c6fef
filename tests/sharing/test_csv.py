"""The look-up table: safe to open, safe to read, and never without whom it touches."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES, MOST_OBJECTS
from stillwatch.sharing.bulletin import Bulletin, Network
from stillwatch.sharing.formats.csv import COLUMNS, FORMAT, guarded, unguarded
from tests.sharing.bulletins import example_bulletin, indicators_that_come_back, many_bulletins

EXAMPLE = example_bulletin()
RUN_BY_A_SPREADSHEET = re.compile(r"^[\s\0]*[=+\-@|%＝＋－＠]|^[\t\r\n]")
changed = msgspec.structs.replace


def rows_of(document: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(document.decode(), newline=""), strict=True))


@settings(deadline=None, max_examples=30)
@given(many_bulletins())
def test_the_networks_and_tls_fingerprints_of_any_bulletins_come_back(some: tuple[Bulletin, ...]) -> None:
    written = FORMAT.encode(some)
    assert written == FORMAT.encode(some)
    assert FORMAT.recognises(written[:65536])
    read = FORMAT.decode(written)
    assert (read.bulletins, read.rejected) == ((), ())
    told = [(f.kind, f.value, f.source, f.valid_until) for f in read.foreign]
    assert told == indicators_that_come_back(some)
    assert read.seen.get("row", 0) == sum(len(b.indicators) for b in some if not b.revoked)


@settings(deadline=None, max_examples=30)
@given(many_bulletins())
def test_no_cell_is_run_by_a_spreadsheet_wherever_it_splits(some: tuple[Bulletin, ...]) -> None:
    for line in FORMAT.encode(some).decode().splitlines():
        for piece in re.split("[;,\t]", line):
            assert not RUN_BY_A_SPREADSHEET.match(piece.strip('"'))


@given(st.text(max_size=20) | st.text("='+-@\t\r\n |%\0＝", max_size=5))
def test_any_cell_is_guarded_and_comes_back(cell: str) -> None:
    assert not RUN_BY_A_SPREADSHEET.match(guarded(cell))
    assert unguarded(guarded(cell)) == cell


def test_a_row_says_how_sure_the_claim_is_whom_it_touches_and_until_when() -> None:
    rows = rows_of(FORMAT.encode((EXAMPLE,)))
    assert len(rows) == len(EXAMPLE.indicators)
    assert list(rows[0]) == list(COLUMNS)
    assert rows[1] == {
        "indicator_kind": "asn",
        "indicator_value": "64501",
        "valid_from": "2026-09-01",
        "valid_until": "2026-12-01",
        "share_of_campaign": "0.3",
        "share_of_others": "0.05",
        "tlp": "amber",
        "error_rate": "0.02",
        "expected_innocent_share": "0.01",
        "error_rate_draws": "500",
        "innocent_explanations_beaten": "class=9;shared_wording=3",
        "techniques": "rubric_grading=0.7;jailbreak=0.05",
        "atlas": "AML.T0024.002;AML.T0040;AML.T0054;AML.T0065",
        "first_day": "2026-07-01",
        "last_day": "2026-08-30",
        "producer": "Example Models Inc.",
        "producer_id": "0b54a1c6-5f7e-4d39-8a21-7c9d3e5f1a2b",
        "bulletin_id": EXAMPLE.id,
        "modified": "2026-09-04T10:00:00+00:00",
        "expires": "2027-03-01",
        "least_accounts": "10",
    }


def test_what_was_taken_back_is_in_no_table_and_no_row_outlives_its_bulletin() -> None:
    assert rows_of(FORMAT.encode((changed(EXAMPLE, revoked=True),))) == []
    ended = changed(EXAMPLE, expires=dt.date(2026, 10, 1))
    assert {row["valid_until"] for row in rows_of(FORMAT.encode((ended,)))} == {"2026-10-01"}


def test_broken_rows_are_set_aside_one_by_one() -> None:
    table = (
        "\ufeffindicator_value,indicator_kind,valid_until\r\n"
        "64500,asn,2026-12-01\r\n"
        "'=1+1,asn,\r\n"
        "AS64501,asn,\r\n"
        "\r\n"
        "64502,asn\r\n"
        "64503,asn,tomorrow\r\n"
        '"64504,asn,2026-12-01\r\n'
        "t13d1516h2_8daaf6152771_b186095e22b6,ja4,\n"
        "nothing,ja4,\n"
        "198.51.100.0/24,network range,\n"
        "10.0.0.0/8,network range,\n"
        "curl,client,\n"
        "x,\x1b[2Jkind,\n"
    )
    assert FORMAT.recognises(table.encode())
    read = FORMAT.decode(table.encode())
    assert [(f.kind, f.value, f.valid_until) for f in read.foreign] == [
        ("asn", "64500", dt.date(2026, 12, 1)),
        ("asn", "64501", None),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6", None),
        ("network range", "198.51.100.0/24", None),
    ]
    assert [reject.where for reject in read.rejected] == [f"row {n}" for n in (3, 6, 7, 8, 10, 12, 14)]
    assert read.seen == {"row": 12, "asn": 2, "ja4": 1, "network range": 1, "client": 1}
    assert all(part.isprintable() for reject in read.rejected for part in reject)


HEADER = b"indicator_kind,indicator_value\n"


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\xff",
        b"kind,value\nasn,1\n",
        b'"indicator_kind,indicator_value\n',
        b"indicator_kind,indicator_value,indicator_kind\n",
        HEADER + b"\xff\xfe\n",
        HEADER + b"asn,1\n" * (MOST_OBJECTS + 1),
        HEADER + b"asn,1\r" * (MOST_OBJECTS + 1),
        HEADER + b"\n" * 10_000_000,
        HEADER + b"," * 10_000_000,
        HEADER + b'"' + b"A" * 10_000_000,
        b"," * 10_000_000,
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda document: repr(document[:60]),
)
def test_a_hostile_table_is_refused_with_one_line(hostile: bytes) -> None:
    with pytest.raises(InputError) as refused:
        FORMAT.decode(hostile)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sharing-formats.md").read_text("utf-8")
    for column, meaning in COLUMNS.items():
        assert f"| `{column}` | {meaning} |" in page


def test_only_our_header_is_recognised() -> None:
    for other in (b"", b"\n", b"a,b\n1,2\n", b'{"Event":{}}', b"title: a\nlogsource:\n", b"\xff", b'"' * 60_000):
        assert not FORMAT.recognises(other)
    assert FORMAT.recognises(FORMAT.encode(()))
    assert FORMAT.decode(FORMAT.encode(())) == ((), (), {}, ())


def test_nobody_is_given_a_table_that_nobody_reads() -> None:
    valid = {"valid_from": EXAMPLE.expires, "valid_until": EXAMPLE.expires, "members": 0.5, "others": 0.0}
    long = changed(EXAMPLE, indicators=tuple(Network(asn=number, **valid) for number in range(1, 10_001)))
    assert len(FORMAT.decode(FORMAT.encode((long,) * 5)).foreign) == MOST_OBJECTS
    with pytest.raises(InputError, match="write fewer bulletins"):
        FORMAT.encode((long,) * 6)
