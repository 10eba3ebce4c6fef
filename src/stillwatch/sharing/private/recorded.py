"""A session with its transcript: each step is noted before its message leaves, and a refusal is noted too."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from stillwatch.errors import InputError
from stillwatch.progress import Progress
from stillwatch.sharing.private import messages, transcript
from stillwatch.sharing.private.items import Items
from stillwatch.sharing.private.messages import Message, Mode, digest
from stillwatch.sharing.private.protocol import Ask, Limits, Offer, Outcome, warnings
from stillwatch.sharing.private.transcript import Entry, Event, Role

__all__ = ["MONTH", "answer", "begin_ask", "begin_offer", "finish"]

DAY = dt.timedelta(days=1)
MONTH = dt.timedelta(days=30)


def begin_offer(items: Items, mode: Mode, peer: str, book: Path, progress: Progress) -> tuple[Offer, bytes]:
    """`Offer.begin`, noted in the transcript ``book``."""
    offer, setup = Offer.begin(items, mode, peer, progress)
    _note(book, "offering", peer, messages.read(setup, "setup"), setup)
    return offer, setup


def answer(
    offer: Offer, request: bytes, book: Path, limits: Limits, progress: Progress
) -> tuple[bytes, tuple[str, ...]]:
    """The response and what to look at before it is sent; how often this peer was answered is read in ``book``.

    Raises `InputError` for a request that is refused; the refusal is noted.
    """
    state = offer.state
    try:
        _check_allowance(book, state.peer, limits, request)
        asked, response = offer.answer(request, limits, progress)
    except InputError as refused:
        entry = Entry(
            line=0, at="", role="offering", peer=state.peer, session=state.session, event="refused", mode=state.mode,
            kind=state.kind, items=0, bytes=len(request), message=digest(request), why=refused.what[:500],
        )  # fmt: skip
        transcript.note(book, entry)
        raise
    _note(book, "offering", state.peer, asked, request)
    _note(book, "offering", state.peer, messages.read(response, "response"), response)
    return response, warnings(state.kind, asked.count, state.items)


def begin_ask(
    setup: bytes, items: Items, mode: Mode, peer: str, book: Path, progress: Progress
) -> tuple[Ask, bytes, int]:
    """`Ask.begin`, noted in ``book``: the side, the request, and how many artefacts are offered."""
    ask, offered, request = Ask.begin(setup, items, mode, peer, progress)
    _note(book, "asking", peer, offered, setup)
    _note(book, "asking", peer, messages.read(request, "request"), request)
    return ask, request, offered.count


def finish(ask: Ask, response: bytes, book: Path, progress: Progress) -> Outcome:
    """`Ask.finish`, noted in ``book``: that the outcome was opened, and nothing of it. Two sides may show each other
    their transcripts, and the offering side must not learn from them how many artefacts are common."""
    state = ask.state
    outcome = ask.finish(response, progress)
    _note(book, "asking", state.peer, messages.read(response, "response"), response)
    result = Entry(
        line=0, at="", role="asking", peer=state.peer, session=state.session, event="result", mode=state.mode,
        kind=state.kind, items=0,
    )  # fmt: skip
    transcript.note(book, result)
    return outcome


def _check_allowance(book: Path, peer: str, limits: Limits, request: bytes) -> None:
    now = dt.datetime.now(dt.UTC)
    if transcript.asked_since(book, peer, now - DAY)[0] >= limits.sessions:
        raise InputError(f"is one too many: a peer is answered {limits.sessions} times a day", do="wait until tomorrow")
    before = transcript.asked_since(book, peer, now - MONTH)[1]
    asked = messages.read(request, "request", min(limits.most, messages.MOST_ITEMS)).count
    if before + asked > limits.monthly:
        raise InputError(
            f"asks with {asked:,} artefacts after {before:,} within thirty days; {limits.monthly:,} are allowed",
            do="wait, or have the other side allow more with --monthly",
        )


def _note(book: Path, role: Role, peer: str, message: Message, data: bytes) -> None:
    event: Event = message.step
    transcript.note(
        book,
        Entry(
            line=0, at="", role=role, peer=peer, session=message.session, event=event, mode=message.mode,
            kind=message.kind, items=message.count, bytes=len(data), message=digest(data),
        ),
    )  # fmt: skip
