"""What every kind of customer draws on: the period, the networks, the load; and conversations in general."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import TypedDict

from stillwatch.simulation.ledger import Account, Period, Session, Turn
from stillwatch.simulation.networks import Internet, Place, client
from stillwatch.simulation.rhythm import DAY, Rhythm, person
from stillwatch.simulation.texts.noise import Style
from stillwatch.simulation.texts.writer import Ask, Topic, Writer, languages, topics

Customer = tuple[Account, list[Session], Random]


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """Where customers appear. ``load`` multiplies everybody's number of exchanges."""

    seed: str
    period: Period
    internet: Internet
    load: float = 1.0

    def random(self, *parts: object) -> Random:
        """A generator of its own for each customer or group, so that no one's draws move another's."""
        return Random("/".join(map(str, (self.seed, *parts))))

    def count(self, r: Random, mean: float, spread: float) -> int:
        """A number of exchanges: log-normal with that mean and ``spread`` (sigma of the logarithm), at least 1."""
        return max(1, round(self.load * mean * r.lognormvariate(-spread * spread / 2, spread)))


class Options(TypedDict, total=False):
    """Settings that a conversation sends along (fields of `Session`)."""

    temperature: float | None
    max_tokens: int | None
    window: int
    tool_count: int
    system_prompt: str | None


Kind = Callable[[Stage, int], Iterator[Customer]]


@dataclasses.dataclass(frozen=True, slots=True)
class Interests:
    """What one person talks about: topics with cumulative weights."""

    topics: tuple[Topic, ...]
    weights: tuple[float, ...]

    def draw(self, r: Random) -> Topic:
        """One topic."""
        return r.choices(self.topics, cum_weights=self.weights)[0]


def interests(r: Random, concentration: float, *, language: str | None = None) -> Interests:
    """A Dirichlet draw over the topics (small ``concentration``: few interests), each narrowed to what this
    person cares about.

    Writers of another language keep a fifth of their requests in English.
    """
    pool = topics()
    weights = [r.gammavariate(concentration, 1.0) + 1e-12 for _ in pool]
    keep = sorted(range(len(pool)), key=weights.__getitem__, reverse=True)[: 10 if concentration < 0.5 else len(pool)]
    chosen = [narrow(pool[i], r) for i in keep]
    shares = [weights[i] for i in keep]
    if language is not None:
        own = next(topic for topic in languages() if topic.language == language)
        shares = [*shares, 4.0 * sum(shares)]
        chosen.append(narrow(own, r))
    return Interests(tuple(chosen), tuple(accumulate(shares)))


def narrow(topic: Topic, r: Random) -> Topic:
    """The part of a topic that concerns one person: some of its things, goals and troubles."""
    return dataclasses.replace(
        topic,
        things=tuple(r.sample(topic.things, r.randint(4, max(4, len(topic.things) - 2)))),
        goals=tuple(r.sample(topic.goals, r.randint(2, len(topic.goals)))),
        asks=tuple(r.sample(topic.asks, max(4, len(topic.asks) * 2 // 3))),
    )


def turn_of(ask: Ask) -> Turn:
    """An honest turn."""
    return Turn(ask.text, ask.answer)


def conversations(
    writer: Writer,
    tastes: Interests,
    r: Random,
    *,
    count: int,
    turns: float,
    rhythm: Rhythm,
    span: tuple[float, float],
    wrap: Callable[[Ask], str] | None = None,
    wrap_share: float = 1.0,
    options: Options | None = None,
) -> list[Session]:
    """Sessions with ``count`` exchanges in all, ``turns`` on average each; ``wrap`` rewrites the share of first
    requests."""
    lengths: list[int] = []
    while sum(lengths) < count:
        lengths.append(min(1 + int(r.expovariate(1 / max(0.05, turns - 0.75))), 18, count - sum(lengths)))
    found = []
    for at, length in zip(rhythm.moments(r, len(lengths), *span), lengths, strict=True):
        ask = writer.ask(tastes.draw(r))
        said = [Turn(wrap(ask), ask.answer) if wrap is not None and r.random() < wrap_share else turn_of(ask)]
        for _ in range(length - 1):
            ask = writer.follow_up(ask)
            said.append(turn_of(ask))
        found.append(Session(at, said, gap=r.uniform(40, 200), **(options or Options())))
    return found


def signed_up(r: Random, period: Period, *, new: float = 0.1) -> float:
    """Seconds since the log's start: a share ``new`` inside the log, the others up to three years before, more of
    them recent."""
    if r.random() < new:
        return r.uniform(0, period.end * 0.95)
    return -DAY * (1100 * math.pow(r.random(), 1.7) + r.random())


def span_of(r: Random, period: Period, created_at: float, *, leaves: float = 0.08) -> tuple[float, float]:
    """When an account is active inside the log: from its sign-up on; a share ``leaves`` stops somewhere, some pause."""
    start = max(0.0, created_at)
    return start, r.uniform(start, period.end) if r.random() < leaves else period.end


def adoption(r: Random, period: Period, *, never: float = 0.25, pace: float = 3.5) -> float | None:
    """When a customer moves to the new model: days after the release with mean ``pace``; a share ``never`` does not."""
    return None if r.random() < never else period.release + DAY * r.expovariate(1 / pace)


def somebody(
    stage: Stage,
    r: Random,
    kind: str,
    *,
    foreign: float = 0.2,
    new: float = 0.1,
    places: tuple[Place, ...] | None = None,
    rhythm: Rhythm | None = None,
) -> Account:
    """A person with an own network, client and rhythm: households, carriers (NAT), VPN users, night workers."""
    net, u, night = stage.internet, r.random(), r.random() < 0.06
    network = "vpn" if u < 0.08 else "relay" if u < 0.12 else "carrier" if u < 0.32 else "home"
    if places is None:
        first = {"vpn": net.vpn, "relay": net.residential_proxy, "carrier": net.carrier, "home": net.home}[network](r)
        places = (first, net.carrier(r)) if r.random() < 0.4 else (first,)
    else:
        network = "shared"
    return Account(
        kind,
        places,
        client(r, 0),
        rhythm or person(r, night=night),
        signed_up(r, stage.period, new=new),
        adopts=adoption(r, stage.period),
        small=r.random() ** 3 if r.random() < 0.3 else 0.0,
        language=r.choice(languages()).language or "en" if r.random() < foreign else "en",
        network=network,
        night=night and rhythm is None,
    )


def style_and_tastes(account: Account, r: Random, concentration: float) -> tuple[Writer, Interests]:
    """A person's way of writing and interests."""
    language = None if account.language == "en" else account.language
    return Writer(r, Style.draw(r)), interests(r, concentration, language=language)


def settings_of(r: Random, choices: Sequence[float | None] = (None, None, None, 1.0, 0.7)) -> Options:
    """Request settings that one account keeps."""
    return Options(
        temperature=r.choice(choices),
        max_tokens=r.choice((None, None, 800, 2000, 4000)),
        window=r.choice((40, 40, 40, 7, 1)),
    )
