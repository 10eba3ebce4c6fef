"""The two sides of a session as state machines: bytes in, bytes out, nothing else.

::

    offering side                                 asking side
    Offer.begin(items)  -- setup -->              Ask.begin(setup, items)
    Offer.answer        <-- request --
                        -- response -->           Ask.finish -> Outcome

The asking side learns which artefacts (mode ``items``) or how many (mode ``count``) both have, and how many the
offering side has. The offering side learns how many the asking side has and nothing else. That holds against a peer
that follows the protocol and then looks at all it got; one that lies about its set is not found out
(docs/sharing-private.md). An offer has a key of its own and answers once: then the key is gone.
"""

from __future__ import annotations

import secrets
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Progress, Silent
from stillwatch.sharing.private import curve, messages
from stillwatch.sharing.private.items import KINDS, Items, encoded
from stillwatch.sharing.private.messages import Message, Mode, digest

__all__ = ["FEWEST_COUNTED", "Ask", "AskState", "Limits", "Offer", "OfferState", "Outcome", "warnings"]

FEWEST_COUNTED = 10
"""A number about one artefact tells of that artefact: fewer are not counted unless the offering side says so."""

_TIMES_OURS = 10
_MANY = 1_000_000

Key = Annotated[bytes, Meta(max_length=32)]


class Limits(NamedTuple):
    """What a peer may ask: artefacts in one session, the fewest in one that only counts, sessions within a day, and
    artefacts within thirty days (all its sessions together)."""

    most: int = 1_000_000
    fewest_counted: int = FEWEST_COUNTED
    sessions: int = 5
    monthly: int = 5_000_000


class Outcome(NamedTuple):
    """What the asking side learnt: ``size`` artefacts are common; ``values`` are they (None where only counted), of
    ``ours`` and ``theirs``."""

    size: int
    values: tuple[str, ...] | None
    ours: int
    theirs: int


class OfferState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the offering side keeps between setup and request. ``key`` is secret; once ``answered`` it is empty."""

    session: str
    mode: Mode
    kind: str
    peer: str
    items: int
    setup: str
    key: Key
    answered: str = ""


class AskState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the asking side keeps between request and response; ``key``, ``values`` and ``points`` are secret.
    ``points`` are those of the setup."""

    session: str
    mode: Mode
    kind: str
    peer: str
    request: str
    key: Key
    values: tuple[str, ...]
    points: bytes


class Offer:
    """The offering side of one session."""

    def __init__(self, state: OfferState) -> None:
        self.state = state

    @classmethod
    def begin(cls, items: Items, mode: Mode, peer: str = "", progress: Progress | None = None) -> tuple[Offer, bytes]:
        """An offer of ``items`` under a fresh key, and its setup. Nothing offered is an offer too.

        Raises `UsageError` for more than `messages.MOST_ITEMS`, `PluginError` without the library.
        """
        _not_too_many(items)
        key = curve.fresh_key()
        points = curve.setup_of(key, encoded(items), progress or Silent())
        session = secrets.token_hex(16)
        setup = messages.written(_message("setup", session, mode, items.kind, "", points))
        state = OfferState(
            session=session,
            mode=mode,
            kind=items.kind,
            peer=peer,
            items=len(items.values),
            setup=digest(setup),
            key=key,
        )
        return cls(state), setup

    def answer(self, request: bytes, limits: Limits, progress: Progress | None = None) -> tuple[Message, bytes]:
        """The request as it was read, and the response to it; from now on this offer answers nothing.

        Raises `InputError` for a request of another session or form, one beyond ``limits``, or a second one: with two
        answers under one key a peer would learn of more than one set.
        """
        state = self.state
        if not state.key:
            raise InputError("comes after this offer was answered", do="make a new offer")
        asked = messages.read(request, "request", min(limits.most, messages.MOST_ITEMS))
        _same_session(asked, state.session, state.mode, state.kind, state.setup)
        if state.mode == "count" and asked.count < limits.fewest_counted:
            raise InputError(
                f"asks to count {asked.count} artefacts; under {limits.fewest_counted} a number tells of each",
                do="ask with more, or have the other side allow it with --fewest",
            )
        points = curve.remasked(state.key, asked.array(), state.mode == "count", progress or Silent())
        answers = digest(request)
        self.state = msgspec.structs.replace(state, key=b"", answered=answers)
        return asked, messages.written(_message("response", state.session, state.mode, state.kind, answers, points))


class Ask:
    """The asking side of one session."""

    def __init__(self, state: AskState) -> None:
        self.state = state

    @classmethod
    def begin(
        cls, setup: bytes, items: Items, mode: Mode, peer: str = "", progress: Progress | None = None
    ) -> tuple[Ask, Message, bytes]:
        """A session that asks with ``items``, the setup as it was read, and the request.

        Raises `InputError` for a setup that is malformed, enormous, or of another kind or mode than is asked for.
        """
        _not_too_many(items)
        offered = messages.read(setup, "setup")
        if offered.kind != items.kind:
            raise InputError(f"is an offer of {offered.kind}, not of {items.kind}", do=f"give --kind {offered.kind}")
        if offered.mode != mode:
            raise InputError(_wrong_mode(offered.mode), do="agree on one of the two with the other side")
        key = curve.fresh_key()
        points = curve.masked(key, encoded(items), mode == "count", progress or Silent())
        request = messages.written(_message("request", offered.session, mode, items.kind, digest(setup), points))
        state = AskState(
            session=offered.session,
            mode=mode,
            kind=items.kind,
            peer=peer,
            request=digest(request),
            key=key,
            values=items.values,
            points=offered.points,
        )
        return cls(state), offered, request

    def finish(self, response: bytes, progress: Progress | None = None) -> Outcome:
        """What both have. Raises `InputError` for a response to anything but this request, and for a second one."""
        state = self.state
        if not state.key:
            raise InputError("comes after this session ended", do="ask anew")
        answered = messages.read(response, "response")
        _same_session(answered, state.session, state.mode, state.kind, state.request)
        if answered.count != len(state.values):
            raise InputError(f"answers {answered.count:,} artefacts, and {len(state.values):,} were asked")
        setup = messages.Message(
            step="setup", session=state.session, mode=state.mode, kind=state.kind, library="", answers="",
            points=state.points,
        )  # fmt: skip
        told, values = progress or Silent(), None
        if state.mode == "items":
            places = curve.common(state.key, setup.array(), answered.array(), told)
            values = tuple(state.values[place] for place in places)
            size = len(values)
        else:
            size = curve.common_size(state.key, setup.array(), answered.array(), told)
        self.state = msgspec.structs.replace(state, key=b"", values=(), points=b"")
        return Outcome(size, values, len(state.values), setup.count)


def warnings(kind: str, asked: int, ours: int) -> tuple[str, ...]:
    """What the offering side should look at before it answers: a peer that asks with all possible values learns the
    whole set, and no protocol can tell a guess from an artefact."""
    lines = []
    few = KINDS[kind].few
    if few and asked >= _MANY:
        lines.append(f"asks with {asked:,} of {few}: whoever asks with all of them learns your whole set")
    if asked > max(_TIMES_OURS * ours, 1000):
        lines.append(
            f"asks with {asked:,} artefacts, {_TIMES_OURS} times what is offered ({ours:,}): are they its own?"
        )
    return tuple(lines)


def _message(step: messages.Step, session: str, mode: Mode, kind: str, answers: str, points: curve.Points) -> Message:
    return Message(
        step=step, session=session, mode=mode, kind=kind, library=curve.library(), answers=answers,
        points=points.tobytes(),
    )  # fmt: skip


def _same_session(message: Message, session: str, mode: Mode, kind: str, answers: str) -> None:
    """Raises `InputError` for a message of another session, or that follows upon another message of this one."""
    if (message.session, message.mode, message.kind) != (session, mode, kind) or message.answers != answers:
        raise InputError("belongs to another session", do="take the files of one session")


def _wrong_mode(offered: Mode) -> str:
    return "offers to count only, not to name" if offered == "count" else "offers to name, not to count only"


def _not_too_many(items: Items) -> None:
    if len(items.values) > messages.MOST_ITEMS:
        raise UsageError(
            f"{len(items.values):,} artefacts are more than {messages.MOST_ITEMS:,}", do="match them in parts"
        )
