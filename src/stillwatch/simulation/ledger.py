"""The log being written: accounts, sessions and their turns become rows with consistent fields."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import msgspec

from stillwatch.simulation.networks import Client, Place
from stillwatch.simulation.rhythm import DAY, HOUR, Rhythm

MODELS = ("meridian-2", "meridian-3", "meridian-2-mini")
SPEED = {"meridian-2": 61.0, "meridian-3": 48.0, "meridian-2-mini": 140.0}  # tokens a second
ENCODER = msgspec.json.Encoder()


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """The log's span. Times inside the simulation are seconds since ``start``; ``release`` is when the new model
    appeared."""

    start: dt.datetime
    days: float
    release: float
    outages: tuple[tuple[float, float], ...]

    @property
    def end(self) -> float:
        """Length in seconds."""
        return self.days * DAY

    @classmethod
    def draw(cls, seed: str, start: dt.datetime, days: float) -> Period:
        """Release between 35 and 65 % of the log, one outage of up to an hour a week."""
        r = Random(f"{seed}/period")
        outages = tuple(
            (at := r.uniform(0, days * DAY), at + r.uniform(0.2, 1.0) * HOUR) for _ in range(max(1, round(days / 7)))
        )
        return cls(start, days, r.uniform(0.35, 0.65) * days * DAY, outages)


class Turn(NamedTuple):
    """One request and its answer, with its label."""

    text: str
    answer: str
    harvested: bool = False
    technique: str | None = None


class Session(NamedTuple):
    """One conversation: its start (seconds), turns, mean seconds between turns, and the settings sent along."""

    at: float
    turns: Sequence[Turn]
    gap: float = 90.0
    system_prompt: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tool_count: int = 0
    window: int = 40  # messages of history that the client sends along
    sample: int = 1  # answers asked of the same messages (best of n)


@dataclasses.dataclass(slots=True)
class Account:
    """One customer with its habits. ``adopts`` is when it moves to the new model (seconds; None: never);
    ``small`` its share on the small one."""

    kind: str
    places: tuple[Place, ...]
    client: Client
    rhythm: Rhythm
    created_at: float
    campaign: str | None = None
    organization: str = ""
    payment: str = ""
    email_domain: str = ""
    keys: int = 1
    adopts: float | None = None
    small: float = 0.0
    language: str = "en"
    network: str = "home"
    night: bool = False
    retries: float = 0.5
    identifier: str = ""


def opaque(prefix: str, *parts: object, size: int = 7) -> str:
    """An identifier that says nothing about what it stands for; equal parts give equal identifiers."""
    return prefix + hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=size).hexdigest()


def tokens_of(text: str) -> int:
    """Rough number of tokens: a quarter of the UTF-8 bytes, one more for a started one."""
    return len(text.encode()) * 10 // 43 + 1 if text else 0


def other_sample(answer: str, r: Random) -> str:
    """Another draw of the same answer: its sentences in another order, some left out."""
    sentences = answer.split(". ")
    return ". ".join(r.sample(sentences, max(1, round(len(sentences) * r.uniform(0.6, 1.0)))))


class Ledger:
    """Collects the rows of a world; columns are lists, in the order in which accounts are recorded."""

    def __init__(self, seed: str, period: Period) -> None:
        self.seed, self.period = seed, period
        self.rows: list[tuple[object, ...]] = []
        self.accounts: list[Account] = []
        self.asked: list[str] = []

    def record(self, account: Account, sessions: Sequence[Session], r: Random) -> None:
        """Write one account and its sessions. An account without sessions inside the log is still a customer."""
        number = len(self.accounts)
        account.identifier = opaque("u-", self.seed, "account", number)
        account.organization = account.organization or opaque("o-", self.seed, "organization", number, size=5)
        account.payment = account.payment or opaque("pm-", self.seed, "payment", number, size=6)
        account.email_domain = account.email_domain or r.choices(DOMAINS, weights=(30, 14, 12, 9, 6, 4, 3, 2))[0]
        self.accounts.append(account)
        for index, session in enumerate(sessions):
            if 0 <= session.at < self.period.end:
                self._session(account, index, session, r)

    def _session(self, account: Account, index: int, session: Session, r: Random) -> None:
        name = opaque("s-", self.seed, account.identifier, index)
        key = opaque("k-", account.identifier, r.randrange(account.keys) if account.keys > 1 else 0, size=6)
        place = account.places[0] if len(account.places) == 1 or r.random() < 0.7 else r.choice(account.places[1:])
        address, history, moment = place.address_at(r, session.at), [], session.at
        model = self._model(account, session.at, r)
        agent, ja4 = account.client.at(session.at)
        for turn in session.turns:
            history.append({"role": "user", "content": turn.text})
            messages = ENCODER.encode(
                history[-session.window | 1 :] if len(history) > session.window else history
            ).decode()
            if (
                session.window >= 1
                and len(self.asked) < 40_000
                and len(history) == 1
                and not turn.harvested
                and account.campaign is None
            ):
                self.asked.append(turn.text)
            done = 0
            while done < session.sample and moment < self.period.end:
                status = self._status(moment, r)
                said = turn if done == 0 else turn._replace(answer=other_sample(turn.answer, r))
                self._row(
                    account,
                    session,
                    said,
                    (name, key, place.asn, place.kind, address, agent, ja4, model),
                    moment,
                    messages,
                    status,
                    r,
                )
                moment += session.gap * r.lognormvariate(-0.4, 0.9)
                if status == 200 or r.random() > account.retries:
                    done += 1
            history.append({"role": "assistant", "content": turn.answer})

    def _model(self, account: Account, moment: float, r: Random) -> str:
        if account.small and r.random() < account.small:
            return MODELS[2]
        return (
            MODELS[1]
            if account.adopts is not None and moment >= max(account.adopts, self.period.release)
            else MODELS[0]
        )

    def _status(self, moment: float, r: Random) -> int:
        u = r.random()
        if any(a <= moment <= b for a, b in self.period.outages) and u < 0.6:
            return 503
        return 200 if u > 0.026 else 429 if u > 0.011 else 500 if u > 0.004 else 400

    def _row(
        self,
        account: Account,
        session: Session,
        turn: Turn,
        fields: tuple[str | int, ...],
        moment: float,
        messages: str,
        status: int,
        r: Random,
    ) -> None:
        name, key, asn, network, address, agent, ja4, model = fields
        failed = status != 200
        answer = "" if failed else turn.answer
        output = tokens_of(answer)
        if session.max_tokens is not None and output > session.max_tokens:
            answer, output = answer[: session.max_tokens * 4], session.max_tokens
        thinks = turn.technique == "reasoning_elicitation" or "step" in turn.text or r.random() < 0.12
        reasoning = 0 if failed or not thinks or model == MODELS[2] else int(output * r.lognormvariate(0.6, 0.7))
        latency = (
            int(r.lognormvariate(4.6, 0.5))
            if failed
            else int(
                1000 * (output + reasoning) / SPEED[str(model)] * r.lognormvariate(0.0, 0.2)
                + r.lognormvariate(5.6, 0.4)
            )
        )
        when = self.period.start + dt.timedelta(microseconds=int(moment * 1e6))
        self.rows.append(
            (
                opaque("x-", self.seed, len(self.rows), size=8),
                when,
                account.identifier,
                key,
                name,
                model,
                "chat",
                session.system_prompt,
                messages,
                answer,
                tokens_of(messages) + tokens_of(session.system_prompt or ""),
                output,
                session.temperature,
                session.max_tokens,
                session.tool_count,
                address,
                asn,
                network,
                agent,
                ja4,
                status,
                latency,
                reasoning,
                turn.harvested,
                turn.technique,
            )
        )


DOMAINS = (
    "postbox.example",
    "mailnest.example",
    "letters.example",
    "inboxa.example",
    "schoolmail.example",
    "quickmail.example",
    "owl.example",
    "fern.example",
)
