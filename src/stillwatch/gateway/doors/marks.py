"""Marks that are due: of which key, on which answer; and what a door does with them. Never raises.

Nothing here is asked for a request of which no mark is due. Where no key is committed for a campaign its answers go
out unmarked: `Marks.counts` counts them, and the log says so once for each campaign.
"""

from __future__ import annotations

import logging
from typing import Final, Literal, NamedTuple, get_args

from stillwatch.errors import one_line
from stillwatch.gateway.decision import Decision
from stillwatch.gateway.doors.calls import Call
from stillwatch.gateway.doors.smaller import unreadable
from stillwatch.gateway.marking.answers import Made, mark_body
from stillwatch.gateway.marking.asked import last_turn, prompt_of
from stillwatch.gateway.marking.keys import MarkKeys, scheme_of
from stillwatch.gateway.marking.streams import mark_stream
from stillwatch.gateway.policy import Policy
from stillwatch.marks.base import MarkKey
from stillwatch.responses.traffic import API, Refusal

__all__ = ["TOLD", "UNMARKED", "Due", "Marks", "Outcome", "unclaimable"]

Outcome = Literal["marked", "plain", "engine", "stream", "unfit", "no_key", "failed"]
"""What became of a mark that was due: the answer was changed; nothing in it was to be changed (the other half, or
nothing to mark); the model's server was told the key; it streamed, and the policy lets streams pass; no mark may touch
it (JSON, a form that was asked for, cut short); no key is committed; something went wrong."""
UNMARKED: Final = Refusal(status=502, code="answer_withheld", message="The model's answer cannot be given.")
"""In the place of an answer that could not be marked, under ``failures.marking = "closed"``."""
TOLD: Final = ("chat", "completions", "responses")
"""Operations whose body has a place for the key's id; in others it travels in the header alone."""
BY_DOOR: Final = ("chat", "responses", "messages")
BY_ENGINE: Final = (*TOLD, "messages")
_MOST_TOLD = 1000
_log = logging.getLogger(__name__)


class Due(NamedTuple):
    """A mark that is due on one answer. ``holds``: a stream is to be held until it is whole; ``closed``: an answer that
    cannot be marked is withheld; ``engine``: the model's server marks, not the door."""

    key: MarkKey
    api: API
    prompt: str
    holds: bool
    closed: bool
    engine: bool


def unclaimable(call: Call, data: bytes, policy: Policy, *, whole: bool) -> Refusal | None:
    """Why a request that cannot be looked into is not passed on to a server that marks: a caller could name a key in
    it. ``data`` is its body as it came, ``whole`` or not."""
    if not policy.marking.engine or call.operation == "other" or not data.strip():
        return None
    return unreadable(whole=whole)


class Marks:
    """What doors ask about marks; ``counts`` holds how often each `Outcome` came, for metrics."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(get_args(Outcome), 0)
        self._keys = MarkKeys()
        self._told: set[str] = set()

    def due(self, decision: Decision, call: Call, policy: Policy) -> Due | Refusal | None:
        """The mark that is due on the answer to ``call``; None: none, or none that can be made. A refusal where the key
        cannot be read, and the policy says that such an answer is withheld."""
        mark, marking = decision.mark, policy.marking
        if mark is None or decision.refuse is not None or call.body is None or call.operation == "other":
            return None
        closed = policy.failures.marking == "closed"
        try:
            key = self._keys.key(mark, marking)
            if key is None:
                self._missing(mark, scheme_of(marking))
                return None
            prompt = (last_turn(call.body) if marking.engine else prompt_of(call.api, call.body)) or ""
        except Exception as error:
            self.failed(error)
            return UNMARKED if closed else None
        if call.operation not in (BY_ENGINE if marking.engine else BY_DOOR) or not (prompt or marking.engine):
            self.counts["unfit"] += 1
            return None
        if marking.engine:
            self.counts["engine"] += 1
            return Due(key, call.api, prompt, holds=False, closed=False, engine=True)
        if call.body.get("stream") is True and marking.streams == "pass":
            self.counts["stream"] += 1
            return None
        return Due(key, call.api, prompt, holds=marking.streams == "hold", closed=closed, engine=False)

    def made(self, due: Due, data: bytes, *, stream: bool) -> Made | None:
        """The answer ``data`` (without coding) as it is to be given; None where that cannot be said."""
        try:
            made = (mark_stream if stream else mark_body)(due.api, data, due.prompt, due.key)
        except Exception as error:
            self.failed(error)
            return None
        self.counts["unfit" if not made.fits else "plain" if made.data is data else "marked"] += 1
        return made

    def passed(self) -> None:
        """Count a stream that goes out unmarked."""
        self.counts["stream"] += 1

    def failed(self, error: object) -> None:
        """Count an answer that could not be marked, and say why."""
        self.counts["failed"] += 1
        why = one_line(error)
        if self._first(why):
            _log.error("answers cannot be marked: %s", why)

    def _missing(self, mark: str, scheme: str) -> None:
        self.counts["no_key"] += 1
        if self._first(mark):
            what = "no key is committed for %s (%s): its answers go out unmarked; see stillwatch gate marks"
            _log.warning(what, mark, scheme)

    def _first(self, what: str) -> bool:
        if what in self._told or len(self._told) >= _MOST_TOLD:
            return False
        self._told.add(what)
        return True
