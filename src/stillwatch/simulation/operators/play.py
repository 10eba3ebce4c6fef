"""A campaign at work: its accounts, the pool of tasks dealt over them, the cover between."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random

from stillwatch.simulation.innocents.programs import added_tools, agent_options, agent_prompt, agent_sessions
from stillwatch.simulation.innocents.stage import (
    Customer,
    Interests,
    Options,
    Stage,
    adoption,
    conversations,
    interests,
    settings_of,
    signed_up,
)
from stillwatch.simulation.ledger import Account, Session, Turn, opaque
from stillwatch.simulation.networks import Client, Place, client
from stillwatch.simulation.operators.campaign import Campaign
from stillwatch.simulation.operators.wrapping import Workshop
from stillwatch.simulation.rhythm import DAY, HOUR, Rhythm, flat, person, shift
from stillwatch.simulation.texts.noise import Style
from stillwatch.simulation.texts.writer import Topic, Writer, topics


@dataclasses.dataclass(slots=True)
class Worker:
    """One proxy account before its work is dealt: how many harvested and cover exchanges, and when it is active."""

    account: Account
    r: Random
    span: tuple[float, float]
    harvest_from: float
    harvest: int
    cover: int
    starts: list[float]
    options: Options
    agent: Options


class Operation:
    """Plays one campaign on a stage. ``overheard`` are honest customers' requests, for cover that copies them."""

    def __init__(self, stage: Stage, campaign: Campaign, overheard: Sequence[str]) -> None:
        self.stage, self.campaign, self.overheard = stage, campaign, overheard
        self.g = g = stage.random("campaign", campaign.name)
        programs = set(campaign.techniques) <= {"agent_traces", "code_tasks"}
        field = [topic for topic in topics() if not programs or topic.family in ("code", "data")]
        self.topics: tuple[Topic, ...] = tuple(g.sample(field, min(campaign.topics, len(field))))
        self.weights = tuple(accumulate(g.gammavariate(1.5, 1.0) + 0.05 for _ in self.topics))
        self.workshop = Workshop(campaign, g)
        self.centre = g.uniform(0, 24)
        self.switch = stage.period.release + g.uniform(1, 14) * HOUR
        self.temperature = g.choice((1.0, 0.7, None))
        self.tools = [client(g, 1) for _ in range(1 if campaign.clients == "one" else 3)]
        self.exit = stage.internet.residential_proxy(g)
        self.harness = agent_options(agent_prompt(g), added_tools(g)) if campaign.harness == "one" else None
        self.shared: dict[int, Place] = {}

    def customers(self) -> Iterator[Customer]:
        """Every account with its sessions, in order of creation."""
        workers = [self._worker(i) for i in range(self.campaign.accounts)]
        subjects = self._deal(workers)
        for worker, mine in zip(workers, subjects, strict=True):
            sessions = self._harvest(worker, mine) + self._cover(worker)
            yield worker.account, sorted(sessions, key=lambda session: session.at), worker.r

    def _worker(self, i: int) -> Worker:
        campaign, stage = self.campaign, self.stage
        r, log = stage.random("campaign", campaign.name, i), stage.period.end
        start, end = campaign.working_span(i, r, 0.0, log)
        span = (max(0.0, start), max(max(0.0, start) + HOUR, min(log, end)))
        count = max(1, round(campaign.exchanges * r.lognormvariate(-(campaign.spread**2) / 2, campaign.spread)))
        harvest_from = min(max(span[0], campaign.honest_days * DAY), span[1] - HOUR)
        cover = sum(r.random() < campaign.cover for _ in range(count))
        account = self._account(i, r, start, span)
        agent = self.harness or agent_options(agent_prompt(r), added_tools(r))
        worker = Worker(account, r, span, harvest_from, count - cover, cover, [], settings_of(r), agent)
        sessions = round(worker.harvest / (1.0 + campaign.follow_ups + 2.0 * campaign.best_of))
        worker.starts = account.rhythm.moments(r, max(1, sessions) if worker.harvest else 0, harvest_from, span[1])
        return worker

    def _account(self, i: int, r: Random, start: float, span: tuple[float, float]) -> Account:
        campaign, stage = self.campaign, self.stage
        if campaign.sign_up == "aged":
            created = min(start, signed_up(r, stage.period, new=0.0) - 20 * DAY)
        else:
            created = (
                min(start, span[0]) - (r.uniform(0, 2.0) if campaign.sign_up == "burst" else r.uniform(0, 45.0)) * DAY
            )
        rhythm = self._rhythm(r)
        account = Account(
            "proxy",
            self._places(i, r),
            self._client(r),
            rhythm,
            created,
            campaign=campaign.name,
            adopts=self.switch + r.uniform(0, 2) * HOUR if campaign.model_switch else adoption(r, stage.period),
            network=campaign.network,
            retries=campaign.retries,
        )
        if campaign.cards > 1:
            account.payment = opaque("pm-", stage.seed, campaign.name, "card", i // campaign.cards, size=6)
        if campaign.organizations > 1:
            account.organization = opaque(
                "o-", stage.seed, campaign.name, "organization", i // campaign.organizations, size=5
            )
        return account

    def _rhythm(self, r: Random) -> Rhythm:
        match self.campaign.hours:
            case "people":
                return person(r)
            case "shift":
                return shift(r, self.centre, 2.5)
            case _:
                return flat()

    def _client(self, r: Random) -> Client:
        match self.campaign.clients:
            case "people":
                return client(r, 0)
            case "agents":
                return client(r, 2)
            case _:
                return r.choice(self.tools)

    def _places(self, i: int, r: Random) -> tuple[Place, ...]:
        net, campaign = self.stage.internet, self.campaign
        if campaign.network == "rotating":
            return (dataclasses.replace(self.exit, addresses=tuple(r.sample(self.exit.addresses, 12))),)
        if campaign.network == "vpn":
            return (net.vpn(r),)
        group = i // campaign.addresses
        if group not in self.shared:
            self.shared[group] = net.cloud(self.g) if campaign.network == "cloud" else net.home(r)
        return (self.shared[group],)

    def _deal(self, workers: Sequence[Worker]) -> list[list[Topic]]:
        """The subject of each harvesting session of each worker: the pool is dealt once, not again and again."""
        g, number = self.g, sum(len(worker.starts) for worker in workers)
        order = list(range(len(self.topics)))
        pool = g.choices(order, cum_weights=self.weights, k=number)
        match self.campaign.dispatch:
            case "topic":
                own = [g.sample(order, min(len(order), g.choice((1, 1, 2)))) for _ in workers]
                return [[self.topics[g.choice(own[i])] for _ in worker.starts] for i, worker in enumerate(workers)]
            case "sticky":
                queue = iter(sorted(pool))
                return [[self.topics[next(queue)] for _ in worker.starts] for worker in workers]
            case "round_robin":
                # One queue in the order of the operator's own list: whoever is next in time takes the next task.
                turns = sorted((at, i) for i, worker in enumerate(workers) for at in worker.starts)
                dealt: list[list[Topic]] = [[] for _ in workers]
                for (_, i), subject in zip(turns, sorted(pool), strict=True):
                    dealt[i].append(self.topics[subject])
                return dealt
            case _:
                queue = iter(pool)
                return [[self.topics[next(queue)] for _ in worker.starts] for worker in workers]

    def _harvest(self, worker: Worker, subjects: Sequence[Topic]) -> list[Session]:
        campaign, r, left = self.campaign, worker.r, worker.harvest
        # An operator that imitates people leaves each account its own settings.
        plain = worker.options if campaign.clients == "people" else Options(temperature=self.temperature)
        found = []
        for number, (at, subject) in enumerate(zip(worker.starts, subjects, strict=True)):
            remaining = len(worker.starts) - number - 1
            most = left - remaining if remaining else left
            if most <= 0:
                break
            sample = min(r.randint(2, 4), most) if r.random() < campaign.best_of else 1
            turns = 1 + int(r.expovariate(1 / campaign.follow_ups)) if campaign.follow_ups and sample == 1 else 1
            said = self.workshop.turns(subject, min(most, turns), r)
            left -= sample * len(said)
            found.append(self._session(at, said, worker, plain, sample))
        # What shorter conversations left of the quota is asked in single requests between the others.
        for at in worker.account.rhythm.moments(r, max(0, left), worker.harvest_from, worker.span[1]):
            if campaign.dispatch in ("topic", "sticky") and subjects:
                subject = r.choice(subjects)
            else:
                subject = r.choices(self.topics, cum_weights=self.weights)[0]
            found.append(self._session(at, self.workshop.turns(subject, 1, r), worker, plain, 1))
        return found

    def _session(self, at: float, said: list[Turn], worker: Worker, plain: Options, sample: int) -> Session:
        if said[0].technique == "agent_traces":
            return Session(at, said, gap=worker.r.uniform(6, 40), sample=sample, **worker.agent)
        return Session(at, said, gap=worker.r.uniform(4, 120), sample=sample, **plain)

    def _cover(self, worker: Worker) -> list[Session]:
        campaign = self.campaign
        found: list[Session] = []
        honest = worker.harvest_from - worker.span[0]
        if campaign.honest_days and honest > HOUR:
            # The honest history comes on top: at half of the later pace, and cover throughout.
            pace = (worker.cover + worker.harvest) / max(1.0, (worker.span[1] - worker.harvest_from) / DAY)
            found += self._ordinary(worker, round(0.5 * pace * honest / DAY), (worker.span[0], worker.harvest_from))
        return found + self._ordinary(worker, worker.cover, (worker.harvest_from, worker.span[1]))

    def _ordinary(self, worker: Worker, count: int, span: tuple[float, float]) -> list[Session]:
        if count <= 0:
            return []
        account, r, kind = worker.account, worker.r, self.campaign.cover_kind
        writer = Writer(r, Style.draw(r))
        if kind == "mimic" and self.overheard:
            return [
                Session(at, [Turn(r.choice(self.overheard), writer.ask(r.choice(self.topics)).answer)])
                for at in account.rhythm.moments(r, count, *span)
            ]
        if kind == "developer":
            own = r.sample([topic for topic in topics() if topic.family in ("code", "data")], r.randint(1, 4))
            # Now and then a developer chats without the agent; so does the cover.
            chats = round(count * r.choice((0.0, 0.2, 0.5)))
            talk = conversations(
                writer, interests(r, 0.08), r, count=chats, turns=2.0, rhythm=account.rhythm, span=span
            )
            return talk + agent_sessions(writer, own, r, count - chats, account, span, worker.agent)
        tastes: Interests = interests(r, 3.0 if kind == "generalist" else r.choice((0.03, 0.08)))
        return conversations(
            writer,
            tastes,
            r,
            count=count,
            turns=r.choice((1.2, 2.0, 3.0)),
            rhythm=account.rhythm,
            span=span,
            options=worker.options,
        )
