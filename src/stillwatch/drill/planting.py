"""Campaigns planted in a log: its own accounts, given up, are the raw material.

A share of the accounts leaves the log. What they asked is what the planted campaigns harvest (in the operators'
wordings), and their lives are the cover: addresses, clients, settings and sign-up come from the log itself, so that
only working as one sets a campaign apart. Sessions move, they are not copied: a copy would be a repeat that gives its
campaign away.

A `Plan` says who asks what, when and from where. `drill.sown` turns it into a log as a scan sees it, in memory;
`bench.planting` writes it as a labelled world.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

import numpy as np

from stillwatch.drill.material import Material
from stillwatch.linkage.activity import Bools, Floats
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.texts.paraphrase import paraphrased
from stillwatch.simulation.texts.writer import wordings

__all__ = [
    "FEWEST_ACCOUNTS",
    "GIVEN_UP",
    "Plan",
    "PlantedAccount",
    "PlantedSession",
    "giving_up",
    "make_plan",
]

GIVEN_UP = 0.35
"""Share of the accounts that leave the log to be made into campaigns."""
_FEWEST_TASKS = 300  # unused tasks below which no campaign is begun
FEWEST_ACCOUNTS = 12
"""Accounts of the smallest campaign that is planted."""
DAY = 86_400_000_000

Pair = tuple[Any, Any]


class PlantedAccount(NamedTuple):
    """One account of a campaign: ``host`` (account number) is whose life it takes on, ``created`` in microseconds."""

    campaign: int
    number: int
    host: int
    organization: str
    payment: str
    created: float


class PlantedSession(NamedTuple):
    """One conversation of a planted account: the session ``source`` of the log asked again.

    ``turns`` of its exchanges, ``at`` (microseconds); ``technique`` of what is harvested, None for cover; ``text`` the
    request where it differs; ``place`` (address, network) and ``device`` (user agent, JA4); ``settings`` (temperature,
    max_tokens) and ``harness`` (system prompt, tools) where they differ; ``adopts`` when the account moved to the
    newest model.
    """

    account: int
    source: int
    turns: int
    at: int
    technique: str | None
    text: str | None
    place: Pair
    device: Pair
    settings: Pair | None
    harness: Pair | None
    adopts: float


@dataclass(frozen=True)
class Plan:
    """Who leaves the log and who comes: ``given_up`` (n,) accounts of the log, and the campaigns' accounts and
    sessions. Models: the ``usual`` one, the ``newest``, and when it appeared (``release``, microseconds)."""

    seed: int
    campaigns: tuple[Campaign, ...]
    given_up: Bools
    accounts: list[PlantedAccount]
    sessions: list[PlantedSession]
    usual: Any
    newest: Any
    release: int
    last: int


def make_plan(material: Material, campaigns: list[Campaign], seed: int, given_up: float = GIVEN_UP) -> Plan:
    """Plan ``campaigns`` into a log; equal arguments give equal plans.

    A campaign has fewer accounts where the material runs out, and none where fewer than 12 are left for it.
    """
    plot = Plot(material, seed, given_up)
    for number, campaign in enumerate(campaigns):
        plot.add(number, campaign)
    known = plot.usual, plot.newest, plot.release, plot.last
    return Plan(seed, tuple(campaigns), plot.given, plot.accounts, plot.sessions, *known)


def giving_up(material: Material, seed: int, share: float) -> Bools:
    """Which accounts leave the log in the plan of a seed, (n,)."""
    drawn: Bools = np.random.default_rng([seed, 78]).random(material.activity.accounts) < share
    return drawn & ~material.suspected


class Plot:
    """Plants campaigns in one log; collects the planted accounts and sessions."""

    def __init__(self, material: Material, seed: int, given_up: float) -> None:
        self.material, self.seed = material, seed
        self.rng, self.words = np.random.default_rng([seed, 77]), Random(f"planting/{seed}")
        activity = material.activity
        self.given: Bools = giving_up(material, seed, given_up)
        self.hosts: list[int] = self.rng.permutation(np.flatnonzero(self.given & material.may_host)).tolist()
        self.developers = set(np.flatnonzero(activity.mean(material.agent.astype(np.float64)) >= 0.4).tolist())
        self.free: Bools = self.given[activity.account].copy()  # sessions given up that are not yet used
        self.traces: list[int] = np.flatnonzero(material.agent & ~material.suspected[activity.account]).tolist()
        self.first, self.last = (int(material.at.min()), int(material.at.max())) if len(material.at) else (0, 0)
        self.accounts: list[PlantedAccount] = []
        self.sessions: list[PlantedSession] = []
        self.places = self._pairs("client_ip", "client_asn")
        self.devices = self._pairs("user_agent", "ja4")
        self._know_networks()
        self._know_models()

    def _pairs(self, *names: str) -> dict[int, list[Pair]]:
        first, second = (self.material.values[name] for name in names)
        found: dict[int, list[Pair]] = {}
        for account, a, b in zip(self.material.activity.account.tolist(), first, second, strict=True):
            found.setdefault(account, []).append((a, b))
        return found

    def _know_networks(self) -> None:
        users: dict[Pair, set[int]] = {}
        for account, pairs in self.places.items():
            for pair in pairs:
                users.setdefault(pair, set()).add(account)
        self.common = sorted((pair for pair, who in users.items() if len(who) >= 5), key=str)
        alone = sorted((pair for pair, who in users.items() if len(who) == 1), key=str)
        self.alone = alone or [(None, None)]

    def _know_models(self) -> None:
        """The model that appeared last, when, who moved to it when, and the one that was usual before."""
        names, at = self.material.values["model"], self.material.at.tolist()
        order = sorted(range(len(at)), key=at.__getitem__)
        seen: dict[Any, int] = {}
        for i in order:
            seen.setdefault(names[i], at[i])
        self.newest: Any
        self.newest, self.release = max(seen.items(), key=lambda pair: (pair[1], str(pair[0])), default=(None, 0))
        before = [names[i] for i in order if at[i] < self.release] or names
        self.usual = max(sorted(set(before), key=str), key=before.count) if before else None
        self.adopted: dict[int, float] = {}
        account = self.material.activity.account.tolist()
        for i in order:
            if names[i] == self.newest:
                self.adopted.setdefault(account[i], float(at[i]))

    def add(self, number: int, campaign: Campaign) -> None:
        """Plant one campaign; fewer accounts where the material runs out, none where it has."""
        if (self.free & self.material.task).sum() < _FEWEST_TASKS:
            return
        crew = _Crew(self, number, campaign)
        if crew.agent:  # whoever hides among developers lives as one
            self.hosts.sort(key=lambda host: host in self.developers)
        hosts = [self.hosts.pop() for _ in range(min(campaign.accounts, len(self.hosts)))]
        if len(hosts) < FEWEST_ACCOUNTS:
            return
        personal = campaign.cover > 0 and campaign.cover_kind not in ("generalist", "mimic")
        own = [self._cover_of(host, campaign) if personal else [] for host in hosts]
        for place, host in enumerate(hosts):
            crew.work(place, host, own[place])

    def _cover_of(self, host: int, campaign: Campaign) -> list[int]:
        """Sessions of the account whose life is taken on, as many as the cover may need, in the order of time."""
        mine = np.flatnonzero(self.free & (self.material.activity.account == host))
        mine = mine[: 1 + round(2 * campaign.exchanges * campaign.cover)]
        self.free[mine] = False
        kept: list[int] = mine.tolist()
        return kept


class _Crew:
    """One campaign at work in a log."""

    def __init__(self, plot: Plot, number: int, campaign: Campaign) -> None:
        self.plot, self.number, self.campaign = plot, number, campaign
        words = plot.words
        self.agent = set(campaign.techniques) <= {"agent_traces"} and bool(plot.traces)
        self.taste = self._taste()
        self.harness = self._agent() if campaign.harness == "one" else None
        self.techniques = sorted(campaign.techniques)
        self.weights = [campaign.techniques[name] for name in self.techniques]
        known = wordings() if plot.material.shows_content else {}
        self.wordings = {
            name: words.sample(known[name], min(campaign.wordings, len(known[name])))
            for name in self.techniques
            if name in known
        }
        self.personas = words.sample(known["personas"], 2) if known else []
        self.tools = [words.choice(words.choice(list(plot.devices.values()))) for _ in range(3)]
        if campaign.clients == "one":
            self.tools = self.tools[:1]
        self.exits = words.sample(plot.alone, min(len(plot.alone), 60 if campaign.network == "rotating" else 12))
        self.cloud_asn = words.choice(plot.alone)[1]
        self.settings = tuple(words.choice(plot.material.values[name]) for name in ("temperature", "max_tokens"))
        self.switch = plot.release + int(plot.rng.uniform(0, 1.0) * DAY)
        self.centre = plot.rng.uniform(0, 24)
        self.order = np.random.default_rng([plot.seed, number, 7]).permutation(len(self.taste))

    def _taste(self) -> Floats:
        """How much the pool asks of each topic of the coarsest codebook."""
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        topic = plot.material.activity.topics[0]
        topics = int(topic.max(initial=0)) + 1
        chosen = rng.permutation(topics)[: max(2, round(campaign.topics * topics / 60))]
        taste = np.zeros(topics)
        taste[chosen] = rng.gamma(1.2, size=len(chosen)) + 0.05
        if campaign.topics >= 40:  # a broad pool follows what everybody asks, loosely
            taste = np.bincount(topic, minlength=topics) * rng.gamma(1.5, size=topics)
        if self.agent:
            taste = np.bincount(topic[plot.material.agent], minlength=topics) * rng.gamma(1.2, size=topics)
        return taste

    def _agent(self) -> Pair:
        """System prompt and number of tools of some developer of the log, given up or not."""
        plot = self.plot
        if not plot.traces:
            return None, None
        session = plot.words.choice(plot.traces)
        return plot.material.values["system_prompt"][session], plot.material.values["tool_count"][session]

    def work(self, number: int, host: int, own: list[int]) -> None:
        """One account: its place and client, its cover from its host, its share of the pool."""
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        start, end = campaign.working_span(number, plot.words, plot.first, plot.last)
        window = (max(plot.first, start), max(max(plot.first, start) + DAY / 6, min(plot.last, end)))
        count = max(1, round(campaign.exchanges * rng.lognormal(-(campaign.spread**2) / 2, campaign.spread)))
        cover = int(rng.binomial(count, campaign.cover))
        if not own:
            own = self._take(np.ones(len(self.taste)), cover)
        life = _Life(
            account=len(plot.accounts),
            places=self._places(number, host),
            devices=plot.devices[host] if campaign.clients in ("people", "agents") else [plot.words.choice(self.tools)],
            adopts=self.switch + rng.uniform(0, 0.1) * DAY if campaign.model_switch else plot.adopted.get(host, np.inf),
            window=window,
            harness=self.harness or self._agent(),
        )
        plot.accounts.append(self._account(number, host, start))
        turns = plot.material.activity.turns
        done = 0
        for session in rng.permutation(own).tolist() if own else []:
            if done >= cover:
                break
            done += self._play(session, life, None, int(turns[session]))
        self._harvest(number, life, count - cover)

    def _harvest(self, number: int, life: _Life, left: int) -> None:
        """The share of the pool of the account with this number."""
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        begin = min(max(life.window[0], plot.first + campaign.honest_days * DAY), life.window[1] - DAY / 24)
        life = life._replace(window=(begin, life.window[1]))
        tasks = self._take(self._share_of_taste(number), left)
        moments = [self._moment(life.window) for _ in tasks]
        if campaign.dispatch == "round_robin":
            # One queue in the order of the operator's own list: whoever is next in time takes the next task.
            place = np.argsort(self.order)[plot.material.activity.topics[0][np.array(tasks, dtype=np.int64)]]
            tasks, moments = [tasks[i] for i in np.argsort(place, kind="stable")], sorted(moments)
        done = 0
        for session, at in zip(tasks, moments, strict=True):
            if done >= left:
                break
            turns = 1 + int(rng.exponential(campaign.follow_ups)) if campaign.follow_ups else 1
            technique = plot.words.choices(self.techniques, weights=self.weights)[0]
            samples = int(rng.integers(2, 5)) if rng.random() < campaign.best_of else 1
            for _ in range(samples):
                done += self._play(session, life, technique, min(turns, left - done) if left > done else 1, at)

    def _share_of_taste(self, number: int) -> Floats:
        """What the account with this number is given of the pool: topics of its own, a block of the list, or any."""
        rng, campaign, taste = self.plot.rng, self.campaign, self.taste
        if taste.sum() <= 0 or campaign.dispatch not in ("topic", "sticky"):
            return taste
        own = np.zeros_like(taste)
        if campaign.dispatch == "topic":
            own[rng.choice(len(taste), p=taste / taste.sum(), size=int(rng.integers(1, 3)))] = 1.0
            return own
        ends = np.cumsum(taste[self.order]) / taste.sum()
        first, last = number / campaign.accounts, (number + 1) / campaign.accounts
        own[self.order] = np.maximum(np.minimum(ends, last) - np.maximum(np.r_[0.0, ends[:-1]], first), 0.0)
        return own

    def _take(self, taste: Floats, number: int) -> list[int]:
        plot = self.plot
        topic = plot.material.activity.topics[0]
        places = np.flatnonzero(plot.free & plot.material.task)
        size = np.maximum(np.bincount(topic[places], minlength=len(taste)), 1)
        weight = (taste / size)[topic[places]] + 1e-9
        number = min(number, len(places))
        if number <= 0:
            return []
        chosen = plot.rng.choice(places, number, replace=False, p=weight / weight.sum())
        plot.free[chosen] = False
        found: list[int] = chosen.tolist()
        return found

    def _account(self, number: int, host: int, start: float) -> PlantedAccount:
        plot, campaign, rng = self.plot, self.campaign, self.plot.rng
        created = float(plot.material.activity.created[host]) * DAY
        if campaign.sign_up != "aged":
            before = rng.uniform(0, 2.0) if campaign.sign_up == "burst" else rng.uniform(0, 45.0)
            created = min(start, plot.last) - before * DAY
        return PlantedAccount(
            self.number,
            number,
            host,
            organization=f"{campaign.name}/{number // campaign.organizations}",
            payment=f"{campaign.name}/{number // campaign.cards}",
            created=created,
        )

    def _places(self, number: int, host: int) -> list[Pair]:
        plot, campaign = self.plot, self.campaign
        if campaign.network == "rotating":
            return plot.words.sample(self.exits, min(12, len(self.exits)))
        if campaign.network == "vpn":
            return plot.words.sample(plot.common, min(4, len(plot.common))) or plot.places[host]
        if campaign.network == "home":
            return plot.places[host]
        group = number // campaign.addresses
        r = Random(f"{plot.seed}/{campaign.name}/{group}")
        return [(f"{r.randint(20, 90)}.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}", self.cloud_asn)]

    def _moment(self, window: tuple[float, float]) -> int:
        plot, rng = self.plot, self.plot.rng
        at = rng.uniform(*window)
        if self.campaign.hours == "people":  # the hours at which anybody writes
            at = (at // DAY) * DAY + plot.material.at[rng.integers(len(plot.material.at))] % DAY
        elif self.campaign.hours == "shift":
            at = (at // DAY) * DAY + (self.centre + rng.normal(0, 2.5)) % 24 / 24 * DAY
        return int(np.clip(at, plot.first, plot.last))

    def _play(self, session: int, life: _Life, technique: str | None, most: int, at: int | None = None) -> int:
        plot, words, material = self.plot, self.plot.words, self.plot.material
        text = self._wrapped(technique, session)
        if technique == "agent_traces" and not material.agent[session] and plot.traces:
            text = material.text[session] if text is None else text  # the task, in an agent's session
            session = words.choice(plot.traces)
        turns = min(int(material.activity.turns[session]), max(1, most))
        at = self._moment(life.window) if at is None else at
        bare = self.campaign.clients in ("one", "some") and technique is not None
        planted = PlantedSession(
            life.account, session, turns, at, technique, text, words.choice(life.places), words.choice(life.devices),
            self.settings if bare else None, life.harness if technique == "agent_traces" else None, life.adopts,
        )  # fmt: skip
        plot.sessions.append(planted)
        return turns

    def _wrapped(self, technique: str | None, session: int) -> str | None:
        """The request in the operator's words; None where it is asked as it stands."""
        plot, words = self.plot, self.plot.words
        own = technique is not None and bool(plot.material.prompts)
        text = words.choice(plot.material.prompts) if own else plot.material.text[session]
        if technique not in self.wordings or not text:
            return text if own else None
        answer, pattern = plot.material.answer[session], words.choice(self.wordings[technique])
        if self.campaign.paraphrase and words.random() < self.campaign.paraphrase:
            pattern = paraphrased(pattern, words)
        return pattern.format(
            task=text,
            answer=answer,
            other_answer=" ".join(answer.split()[::-1][:80]),
            n=words.randint(3, 12),
            persona=words.choice(self.personas),
        )


class _Life(NamedTuple):
    """What all sessions of one account have in common."""

    account: int
    places: list[Pair]
    devices: list[Pair]
    adopts: float
    window: tuple[float, float]
    harness: Pair
