"""Servers that are broken, different or mean harm: bounded, in one line, and the secret goes nowhere else."""

from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from stillwatch.errors import PeerError, StillwatchError, UsageError
from stillwatch.sharing.base import MOST_BYTES
from stillwatch.sharing.feed import NOTHING
from stillwatch.sharing.taxii.instants import microseconds, now
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from stillwatch.sharing.taxii.pulling import Pulled, rounds
from stillwatch.sharing.taxii.wire import PAUSES
from tests.asking.served import raw_serving
from tests.sharing.taxii.offered import BULLETINS, basic, identifier, indicator
from tests.sharing.taxii.peers_served import (
    COLLECTION,
    ROOT,
    SECRET,
    everything,
    failing,
    login,
    objects_by,
    odd_server,
    pulled,
    pushed,
    taxii,
    usual,
)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/taxii+json;version=2.1\r\n"


def test_our_client_says_what_it_is_and_takes(tmp_path: Path) -> None:
    asked: list[Request] = []

    async def handler(request: Request) -> Response:
        asked.append(request)
        path = request.path_params["path"]
        more = {"x_example_com_more": {"a": [1]}}
        if path == "taxii2/":
            return taxii({"title": "Odd", "description": "d", "contact": "c", "api_roots": ["/root/"], **more})
        if path == "root/":
            return taxii({**ROOT, "description": "d", **more})
        if path == "root/collections/":
            return taxii({"collections": [{**COLLECTION, "alias": "b", "media_types": ["x"], **more}], **more})
        if request.method == "POST":
            done = {"id": "s", "status": "complete", "total_count": 1, "success_count": 1, "failure_count": 0}
            details = {"successes": [{"id": "i", "version": "v", **more}], "request_timestamp": "x"}
            return taxii({**done, "pending_count": 0, **details, **more}, 202)
        return taxii({"objects": [indicator(1)], "more": False, **more})

    (tmp_path / "b.json").write_bytes(msgspec.json.encode({"type": "bundle", "objects": [indicator(1)]}))
    with odd_server(handler) as url:
        assert len(everything(url)) == 1
        assert pushed(url, login("alpha", SECRET), "b", tmp_path / "b.json").accepted == 1
    for request in asked:
        assert request.url.path.endswith("/")
        assert request.headers["accept"] == MEDIA_TYPE
        assert request.headers["user-agent"].startswith("stillwatch/")
        assert request.headers["authorization"] == basic("alpha", SECRET)
    assert [one.headers["content-type"] for one in asked if one.method == "POST"] == [MEDIA_TYPE]


def test_a_redirection_to_another_host_is_refused_and_one_on_the_same_is_followed() -> None:
    elsewhere: list[Request] = []

    async def there(request: Request) -> Response:
        elsewhere.append(request)
        return taxii(ROOT)

    with odd_server(there) as target:
        for status in (301, 302, 307, 308):
            away = objects_by(lambda request, status=status: taxii({}, status, location=f"{target}/x/"))  # type: ignore[misc]
            with odd_server(away) as url:
                error = failing(url)
            assert f"answers {status}, a redirection" in str(error)
            assert not error.again
    assert elsewhere == []

    def moved(request: Request) -> Response:
        if request.path_params["path"].endswith("objects/"):
            return taxii({}, 307, location="/moved/")
        return taxii({"objects": [indicator(1)]})

    with odd_server(objects_by(moved)) as url:
        assert len(everything(url)[0].objects) == 1
    with odd_server(objects_by(lambda request: taxii({}, 307, location=request.url.path))) as url:
        assert "redirects in a circle" in str(failing(url))


def test_objects_are_never_posted_to_where_a_server_redirects(tmp_path: Path) -> None:
    posted: list[str] = []

    def give(request: Request) -> Response:
        posted.append(request.url.path)
        return taxii({}, 307, location="/elsewhere/")

    (tmp_path / "b.json").write_bytes(msgspec.json.encode({"type": "bundle", "objects": [indicator(1)]}))
    with odd_server(objects_by(give)) as url:
        with pytest.raises(PeerError, match="a redirection"):
            pushed(f"{url}/taxii2/", login("alpha", SECRET), BULLETINS, tmp_path / "b.json")
    assert posted == [f"/root/collections/{BULLETINS}/objects/"]


def test_api_roots_on_other_hosts_are_not_asked() -> None:
    asked: list[Request] = []

    async def there(request: Request) -> Response:
        asked.append(request)
        return taxii(ROOT)

    with odd_server(there) as target:

        async def here(request: Request) -> Response:
            return taxii({"title": "Odd", "api_roots": [f"{target}/root/", "//elsewhere.example/root/"]})

        with odd_server(here) as url:
            assert "names API roots on other hosts only" in str(failing(url))
    assert asked == []


def test_a_host_whose_front_page_is_something_else_is_asked_for_its_discovery(tmp_path: Path) -> None:
    for front in (Response("<html>", 200), Response("", 404), Response("", 302, {"location": "https://www.example/"})):

        async def handler(request: Request, front: Response = front) -> Response:
            path = request.path_params["path"]
            return usual(path) or (taxii({"objects": []}) if path else front)

        (tmp_path / "b.json").write_bytes(msgspec.json.encode({"type": "bundle", "objects": [indicator(1)]}))
        with odd_server(handler) as url:
            with pytest.raises(PeerError, match="its status cannot be read"):  # so far it came
                pushed(url, login("alpha", SECRET), BULLETINS, tmp_path / "b.json")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"[" * 100_000, b'{"title": 5}', b"\xff\xfe", b'{"api_roots": "x"}', b"1e999"],
)
def test_what_is_no_taxii_server_is_one_line(body: bytes) -> None:
    async def handler(request: Request) -> Response:
        return Response(body, 200, {"content-type": "text/html"})

    with odd_server(handler) as url:
        error = failing(url)
    assert "is no TAXII 2.1 server" in str(error) or "names no API root" in str(error)


def test_what_a_server_says_of_an_error_is_short_plain_and_without_the_secret() -> None:
    for title in (f"wrong {SECRET}", f"wrong {SECRET[:9]}***", "\x1b[2J\x1b]0;owned\x07", "a\nb", "x" * 100_000, 7):

        async def handler(request: Request, title: Any = title) -> Response:
            return taxii({"title": title, "description": request.headers["authorization"]}, 403)

        with odd_server(handler) as url:
            assert len(str(failing(url))) < 600


def test_a_server_that_drips_or_never_ends_is_left_in_time() -> None:
    def talking(*pieces: bytes, pause: float) -> Any:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            try:
                for piece in pieces:
                    writer.write(piece)
                while True:
                    writer.write(b" " if pause else b" " * 65536)
                    await writer.drain()
                    await asyncio.sleep(pause)
            except (ConnectionError, asyncio.CancelledError):
                return
            finally:
                writer.close()

        return talk

    with raw_serving(talking(HEAD + b"\r\n", pause=0.05)) as url:
        began = time.monotonic()
        assert "no whole answer within 0.5 s" in str(failing(url, timeout=0.5))
        assert time.monotonic() - began < 30
    with raw_serving(talking(HEAD + b"\r\n", pause=0)) as url:
        assert f"sends more than {MOST_BYTES >> 20} MiB" in str(failing(url))
    bomb = gzip.compress(b" " * (200 * 2**20))
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    with raw_serving(talking(head, bomb, pause=0.1)) as url:
        assert "sends more than" in str(failing(url))


def test_a_server_that_is_busy_is_asked_again_and_one_that_stays_down_is_not_for_ever() -> None:
    asked: list[int] = []

    def busy(request: Request) -> Response:
        asked.append(1)
        if len(asked) < 3:
            return taxii({"title": "busy"}, [503, 429][len(asked) % 2], retry_after="0")
        return taxii({"objects": [indicator(1)]})

    with odd_server(objects_by(busy)) as url:
        assert len(everything(url)) == 1
    assert len(asked) == 3
    asked.clear()

    def down(request: Request) -> Response:
        asked.append(1)
        return taxii({"title": "down"}, 500)

    with odd_server(objects_by(down)) as url:
        assert failing(url).again
    assert len(asked) == 3  # as many as there are pauses, and the first
    assert list(PAUSES) == sorted(PAUSES)


def test_a_server_that_asks_for_a_long_wait_is_left_for_the_next_round() -> None:
    with odd_server(objects_by(lambda request: taxii({}, 503, retry_after="86400"))) as url:
        began = time.monotonic()
        assert failing(url).after == 86400
        assert time.monotonic() - began < 60


def test_a_status_that_is_pending_is_asked_for_until_it_is_complete(tmp_path: Path) -> None:
    asked: list[str] = []

    def give(request: Request) -> Response:
        asked.append(request.method)
        counts = {"total_count": 2, "success_count": 0, "failure_count": 0, "pending_count": 2}
        if len(asked) < 3:
            return taxii({"id": "s1", "status": "pending", **counts}, 202 if request.method == "POST" else 200)
        if "status" in request.url.path:
            failure = {"id": identifier("indicator", 2), "version": "v", "message": "no\x1b[2J room"}
            done = {"id": "s1", "status": "complete", "total_count": 2, "success_count": 1, "failure_count": 1}
            return taxii({**done, "pending_count": 0, "failures": [failure]})
        return taxii({}, 404)

    objects = [indicator(1), indicator(2)]
    (tmp_path / "b.json").write_bytes(msgspec.json.encode({"type": "bundle", "objects": objects}))
    with odd_server(objects_by(give)) as url:
        sent = pushed(url, login("alpha", SECRET), BULLETINS, tmp_path / "b.json")
    assert (sent.accepted, sent.refused) == (1, ((identifier("indicator", 2), "v", "no [2J room"),))


def test_objects_that_are_none_are_set_aside_and_a_clock_that_runs_ahead_is_not_believed(tmp_path: Path) -> None:
    date = "9000-01-01T00:00:00.000000Z"

    def give(request: Request) -> Response:
        junk = [7, None, "x", [], {}, {"id": "indicator--1", "type": "indicator"}, {"id": 5}, indicator(1)]
        return taxii({"objects": junk}, x_taxii_date_added_first=date, x_taxii_date_added_last=date)

    with odd_server(objects_by(give)) as url:
        got = pulled(url, login("alpha", SECRET), BULLETINS, tmp_path / "feed")
    assert (got.objects, got.added.indicators, len(got.added.refused)) == (8, 1, 7)
    (state,) = (tmp_path / "feed" / "pulled").glob("*.json")
    assert microseconds(msgspec.json.decode(state.read_bytes())["added_after"]) <= now()
    assert SECRET not in state.read_text()


def test_a_round_that_fails_does_not_end_the_rounds() -> None:
    told: list[Pulled] = []
    failed: list[StillwatchError] = []
    outcomes: list[Any] = [
        PeerError("is away", again=True),
        Pulled(1, NOTHING, ()),
        UsageError("odd"),
        Pulled(2, NOTHING, ()),
    ]

    async def one() -> Pulled:
        outcome = outcomes[len(told) + len(failed)]
        if isinstance(outcome, StillwatchError):
            raise outcome
        assert isinstance(outcome, Pulled)
        return outcome

    asyncio.run(rounds(one, 0.0001, told.append, failed.append, most=4))
    assert [one.objects for one in told] == [1, 2]
    assert [str(one) for one in failed] == ["is away", "odd"]
