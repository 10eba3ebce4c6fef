"""The page on which a person touched is heard, over real HTTP."""

from __future__ import annotations

import datetime as dt
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import uvicorn

from stillwatch.errors import StorageError
from stillwatch.gateway.appeals.form import PER_ADDRESS, application
from stillwatch.gateway.appeals.record import MOST_STATEMENT, Appeals, Touched

REFERENCE = "ABCDEFG234"
NOON = dt.datetime(2026, 11, 28, 12, tzinfo=dt.UTC)


def touched(reference: str) -> Touched | None:
    if reference == "ZZZZZZZZZZ":
        raise StorageError("is away", "the store")
    return Touched("acct-secret", "C1", 0.02) if reference == REFERENCE else None


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def page(tmp_path: Path, told: list[str]) -> Iterator[httpx.Client]:
    """The page behind a socket, served by uvicorn as a provider would serve it."""
    app = application(Appeals(tmp_path / "appeals"), touched, told=told.append, clock=lambda: NOON)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
        yield client
    server.should_exit = True
    thread.join(10)
    listening.close()


def ticket_in(text: str) -> str:
    found = re.search(r'Ticket: <span class="code">([\w-]+)</span>', text)
    assert found, text
    return found[1]


def test_a_person_is_heard_and_can_follow_it(page: httpx.Client, tmp_path: Path, told: list[str]) -> None:
    assert "A person reads what you write here" in page.get("/").text
    sent = {"reference": " abcdefg234 ", "statement": "We are a class.", "contact": "me@example.org"}
    answer = page.post("/", data=sent)
    assert answer.status_code == 200
    assert told == [REFERENCE]
    followed = page.post("/status", data={"reference": REFERENCE, "ticket": ticket_in(answer.text)})
    assert "It waits for a person" in followed.text
    held = Appeals(tmp_path / "appeals").get(REFERENCE)
    assert held is not None
    assert (held.account_id, held.campaign_id, held.innocent) == ("acct-secret", "C1", 0.02)
    assert (held.statement, held.contact, held.opened_at) == ("We are a class.", "me@example.org", NOON)


def test_what_is_said_of_him_is_shown_to_nobody(page: httpx.Client) -> None:
    answer = page.post("/", data={"reference": REFERENCE, "statement": "secret words"})
    status = page.post("/status", data={"reference": REFERENCE, "ticket": ticket_in(answer.text)})
    wrong = page.post("/status", data={"reference": REFERENCE, "ticket": "guess"})
    assert wrong.status_code == 404
    for text in (answer.text, status.text, wrong.text):
        assert "acct-secret" not in text
        assert "C1" not in text
    assert "secret words" not in status.text


def test_every_answer_forbids_script_framing_and_keeping(page: httpx.Client) -> None:
    for answer in (page.get("/"), page.get("/status"), page.post("/", data={"reference": "x"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert "<script" not in answer.text


@pytest.mark.parametrize("hostile", ['"><script>alert(1)</script>', "{{ 7*7 }}", "\u202eevil\x1b[31m", "a\x00b"])
def test_hostile_words_come_back_inert(page: httpx.Client, hostile: str) -> None:
    answer = page.post("/", data={"reference": hostile, "statement": hostile, "contact": hostile})
    assert answer.status_code == 400
    assert "<script" not in answer.text
    assert ("7*7" in hostile) == ("{{ 7*7 }}</textarea>" in answer.text)  # shown as it was written, and not worked out
    assert "We do not know this reference" in answer.text


def test_what_cannot_be_taken_says_why(page: httpx.Client) -> None:
    assert "says nothing" in page.post("/", data={"reference": REFERENCE, "statement": "  "}).text
    long = page.post("/", data={"reference": REFERENCE, "statement": "x" * (MOST_STATEMENT + 1)})
    assert (long.status_code, "shorten it" in long.text) == (400, True)
    assert page.post("/", data={"reference": REFERENCE, "statement": "x" * 40_000}).status_code == 413
    assert page.post("/", content=b"{}", headers={"content-type": "application/json"}).status_code == 415
    away = page.post("/", data={"reference": "ZZZZZZZZZZ", "statement": "hello"})
    assert (away.status_code, "try again in a minute" in away.text) == (503, True)
    first = page.post("/", data={"reference": REFERENCE, "statement": "one"})
    second = page.post("/", data={"reference": REFERENCE, "statement": "two"})
    assert (first.status_code, second.status_code) == (200, 400)
    assert "an appeal is open already" in second.text


def test_guessing_is_slowed(page: httpx.Client) -> None:
    codes = [
        page.post("/", data={"reference": "AAAAAAAAAA", "statement": "x"}).status_code for _ in range(PER_ADDRESS + 1)
    ]
    assert codes == [400] * PER_ADDRESS + [429]


def test_a_decision_is_told_in_plain_words(page: httpx.Client, tmp_path: Path) -> None:
    ticket = ticket_in(page.post("/", data={"reference": REFERENCE, "statement": "a class"}).text)
    appeals = Appeals(tmp_path / "appeals")
    appeals.decide(REFERENCE, "rejected", by="Ada", why="internal words", answer="We checked <b>twice</b>.", now=NOON)
    text = page.post("/status", data={"reference": REFERENCE, "ticket": ticket}).text
    assert "left the decision as it is" in text
    assert "We checked &lt;b&gt;twice&lt;/b&gt;." in text
    assert "internal words" not in text
    again = ticket_in(page.post("/", data={"reference": REFERENCE, "statement": "look at the dates"}).text)
    appeals.decide(REFERENCE, "upheld", by="Bo", why="dates", answer="", now=NOON)
    assert "you were right" in page.post("/status", data={"reference": REFERENCE, "ticket": again}).text
    assert page.post("/status", data={"reference": REFERENCE, "ticket": ticket}).status_code == 404
