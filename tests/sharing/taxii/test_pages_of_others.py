"""Servers that page in other ways than ours, or never come to an end; and addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from stillwatch.errors import UsageError
from stillwatch.sharing.taxii import peer
from stillwatch.sharing.taxii.instants import microseconds, now, stamp
from stillwatch.sharing.taxii.peer import Got
from stillwatch.sharing.taxii.wire import address_of
from tests.sharing.taxii.offered import BULLETINS, identifier, indicator
from tests.sharing.taxii.peers_served import SECRET, everything, failing, login, objects_by, odd_server, pulled, taxii


@pytest.mark.parametrize("how", ["next", "date", "neither"])
def test_a_server_that_says_without_end_that_there_is_more_is_left(how: str) -> None:
    asked: list[int] = []

    def give(request: Request) -> Response:
        asked.append(1)
        told: dict[str, Any] = {"more": True, "objects": [indicator(1)]}
        told |= {"next": "1"} if how == "next" else {}
        date = stamp(1_000_000)
        dates = {"x_taxii_date_added_first": date, "x_taxii_date_added_last": date} if how == "date" else {}
        return taxii(told, **dates)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peer, "MOST_PAGES", 30)
        with odd_server(objects_by(give)) as url:
            assert "more" in str(failing(url))
    assert len(asked) <= 30


def dated(rows: list[tuple[int, int]], most: int) -> Callable[[Request], Response]:
    """A server that pages by date only: rows of (number, microsecond), at most so many at once."""

    def give(request: Request) -> Response:
        query = request.query_params
        after = microseconds(query["added_after"]) if "added_after" in query else -1
        fitting = [row for row in rows if row[1] > after]
        page = fitting[: min(most, int(query["limit"]))]
        dates = {"x_taxii_date_added_first": stamp(page[0][1]), "x_taxii_date_added_last": stamp(page[-1][1])}
        told = {"objects": [indicator(number) for number, _ in page], "more": len(fitting) > len(page)}
        return taxii(told, **(dates if page else {}))

    return give


def ids(got: list[Got]) -> list[str]:
    return [msgspec.json.decode(one)["id"] for page in got for one in page.objects]


def test_a_server_that_pages_by_date_only_loses_nothing_that_shares_a_date() -> None:
    rows = [(number, 10 + number // 3) for number in range(20)]  # three of each date, pages of four
    with odd_server(objects_by(dated(rows, 4))) as url:
        got = everything(url)
    assert ids(got) == [identifier("indicator", number) for number in range(20)]
    assert not any(page.lossy for page in got)


def test_more_objects_of_one_date_than_fit_a_page_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "LIMIT", 4)
    rows = [(number, 10 if number < 9 else 11 + number) for number in range(14)]
    with odd_server(objects_by(dated(rows, 1000))) as url:
        got = everything(url)
    assert ids(got) == [identifier("indicator", number) for number in range(14)]
    assert not any(page.lossy for page in got)
    with odd_server(objects_by(dated(rows, 4))) as url:  # it gives no more at once, whatever one asks for
        got = everything(url)
    assert any(page.lossy for page in got)
    assert ids(got)[-1] == identifier("indicator", 13)


def test_a_round_asks_again_for_the_last_second_until_that_is_long_past(tmp_path: Path) -> None:
    asked: list[str | None] = []
    newest = now() - 10_000_000

    def give(request: Request) -> Response:
        asked.append(request.query_params.get("added_after"))
        date = stamp(newest)
        return taxii({"objects": [indicator(1)]}, x_taxii_date_added_first=date, x_taxii_date_added_last=date)

    with odd_server(objects_by(give)) as url:
        for _ in range(2):
            pulled(f"{url}/taxii2/", login("alpha", SECRET), BULLETINS, tmp_path / "feed")
        newest -= 3600_000_000
        (state,) = (tmp_path / "feed" / "pulled").glob("*.json")
        state.unlink()
        for _ in range(2):
            pulled(f"{url}/taxii2/", login("alpha", SECRET), BULLETINS, tmp_path / "feed")
    recent = newest + 3600_000_000
    assert asked == [None, stamp(recent - 1_000_000), None, stamp(newest)]


@pytest.mark.parametrize(
    "text",
    [
        "http://peer.example/taxii2/",
        "ftp://peer.example/",
        "peer.example",
        "https://",
        "https://alpha:hush@peer.example/",
        "https://peer.example/?token=hush",
        "https://peer.example/#x",
        "https://peer.example:99999/",
        "https://peer example/",
        "http://127.0.0.1.peer.example/",
        "",
    ],
)
def test_an_address_that_is_none_or_would_give_a_secret_away_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as error:
        address_of(text, "--from", plain=False)
    assert "hush" not in str(error.value)


def test_plain_http_is_for_loopback_or_on_demand() -> None:
    for text in ("http://127.0.0.1:8431", "http://localhost/taxii2", "http://[::1]:5/"):
        assert address_of(text, "--from", plain=False).endswith("/")
    assert address_of("http://peer.example/taxii2/", "--from", plain=True) == "http://peer.example/taxii2/"
    assert address_of("https://peer.example/taxii2", "--from", plain=False) == "https://peer.example/taxii2/"
