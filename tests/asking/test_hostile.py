"""Servers that mean harm or are broken: each costs one try, in bounded time and memory, and learns no key."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import time
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stillwatch.asking.addresses import open_model
from stillwatch.asking.base import Answer, Message, Question
from stillwatch.asking.failures import retry_after
from stillwatch.asking.transport import MOST_BYTES
from stillwatch.errors import AskingError
from tests.asking.served import chat, raw_serving, serving

KEY = "sk-abcdefghijklmnop"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)


def ask(url: str, folder: Path, timeout: float = 30.0) -> Answer:
    (folder / "m.toml").write_text(f'address = "openai:m@{url}/v1"\nkey = "env:MY_KEY"\ntimeout = {timeout}\n')

    async def one() -> Answer:
        endpoint = open_model(str(folder / "m.toml")).endpoint
        try:
            return await endpoint.ask(Question("q", (Message("user", "why?"),)))
        finally:
            await endpoint.close()

    return asyncio.run(one())


def failing(url: str, folder: Path, timeout: float = 30.0) -> AskingError:
    with pytest.raises(AskingError) as raised:
        ask(url, folder, timeout)
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)
    return raised.value


def raw(*pieces: bytes, pause: float = 0.0, forever: bool = False) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while forever:
                writer.write(b"" if not pieces else b" " if pause else b" " * 65536)
                await writer.drain()
                await asyncio.sleep(pause)
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    return talk


def test_a_server_that_drips_hangs_or_never_ends_is_left_after_its_time(tmp_path: Path) -> None:
    for talk in (raw(HEAD + b"\r\n", pause=0.05, forever=True), raw(pause=5, forever=True)):
        with raw_serving(talk) as url:
            began = time.monotonic()
            error = failing(url, tmp_path, timeout=1.0)
        assert time.monotonic() - began < 10
        assert (error.again, error.charged) == (True, True)
        assert "gave no whole answer within 1 s" in str(error)


def test_a_body_without_end_or_a_bomb_is_cut_off(tmp_path: Path) -> None:
    with raw_serving(raw(HEAD + b"\r\n", forever=True)) as url:
        error = failing(url, tmp_path)
    assert f"sends more than {MOST_BYTES >> 20} MiB" in str(error)
    bomb = gzip.compress(b" " * (200 * 2**20))
    head = HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    with raw_serving(raw(head, bomb)) as url:
        assert "sends more than" in str(failing(url, tmp_path))


def test_a_redirection_is_not_followed(tmp_path: Path) -> None:
    elsewhere: list[Request] = []

    async def there(body: dict[str, Any], request: Request) -> Response:
        elsewhere.append(request)
        return JSONResponse(chat("stolen"))

    with serving(there) as target:

        async def here(body: dict[str, Any], request: Request) -> Response:
            return Response(status_code=307, headers={"location": f"{target}/v1/chat/completions"})

        with serving(here) as url:
            error = failing(url, tmp_path)
    assert not error.again
    assert "a redirection" in str(error)
    assert elsewhere == []


@pytest.mark.parametrize(
    "message", [f"wrong key {KEY}", f"wrong key {KEY[:10]}****", "\x1b[2J\x1b]0;owned\x07", "a\nb\r\nc", "x" * 100_000]
)
def test_what_it_says_in_an_error_is_short_plain_and_without_the_key(message: str, tmp_path: Path) -> None:
    async def handler(body: dict[str, Any], request: Request) -> Response:
        return JSONResponse({"error": {"message": message}}, 401)

    with serving(handler) as url:
        error = failing(url, tmp_path)
    line = str(error)
    assert line.isprintable()
    assert len(line) < 600
    assert KEY[:10] not in line


def test_a_key_that_comes_back_in_an_answer_is_hidden(tmp_path: Path) -> None:
    async def handler(body: dict[str, Any], request: Request) -> Response:
        echoed = request.headers["authorization"]
        call = {"function": {"name": "send", "arguments": f'"{echoed}"'}}
        return JSONResponse(chat(f"you sent {echoed}", reasoning=echoed, tool_calls=[call]) | {"model": echoed})

    with serving(handler) as url:
        answer = ask(url, tmp_path)
    assert KEY not in repr(answer)
    assert answer.text == "you sent Bearer [key]"


def test_bytes_that_are_no_text_become_marks(tmp_path: Path) -> None:
    body = b'{"choices":[{"message":{"content":"a\xff\xfeb \\ud800 \\u0000"},"finish_reason":"stop"}]}'
    with raw_serving(raw(HEAD + b"content-length: %d\r\n\r\n" % len(body), body)) as url:
        answer = ask(url, tmp_path)
    assert answer.text == "a��b � \x00"
    answer.text.encode()


def test_broken_http_is_one_failed_try(tmp_path: Path) -> None:
    for talk in (raw(b"nonsense\r\n\r\n"), raw(), raw(HEAD + b"content-length: 100\r\n\r\n{}"), raw(b"\x00" * 100)):
        with raw_serving(talk) as url:
            assert failing(url, tmp_path).again
    with raw_serving(raw(HEAD + b"x: " + b"y" * 2**20 + b"\r\n\r\n{}")) as url:
        assert failing(url, tmp_path).again
    assert "cannot be reached" in str(failing("http://127.0.0.1:9", tmp_path))


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 529])
def test_what_passes_is_asked_again(status: int, tmp_path: Path) -> None:
    async def handler(body: dict[str, Any], request: Request) -> Response:
        return JSONResponse({}, status, {"retry-after": "7"})

    with serving(handler) as url:
        error = failing(url, tmp_path)
    assert (error.again, error.after) == (True, 7.0)
    assert error.busy == (status in {429, 503, 529})


@pytest.mark.parametrize(
    ("status", "do"),
    [
        (400, "see whether the model takes these settings"),
        (401, "give its key"),
        (402, "out of credit"),
        (403, "ask its operator"),
        (404, "correct the model's name or the address"),
        (413, "too long"),
        (422, ""),
    ],
)
def test_what_does_not_pass_says_what_to_do(status: int, do: str, tmp_path: Path) -> None:
    async def handler(body: dict[str, Any], request: Request) -> Response:
        return JSONResponse({"detail": "no"}, status)

    with serving(handler) as url:
        error = failing(url, tmp_path)
    assert not error.again
    assert f"answers {status}" in str(error)
    assert do in str(error)


NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        (format_datetime(NOW + dt.timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - dt.timedelta(days=1), usegmt=True), 0.0),
        ("nan", None),
        ("inf", None),
        ("tomorrow", None),
        ("", None),
        ("Fri, 99 Nov 99999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


@given(st.text(max_size=200))
def test_no_retry_after_does_harm(value: str) -> None:
    seconds = retry_after({"retry-after": value}, NOW)
    assert seconds is None or seconds >= 0
