"""Programs and their owners: apps, products with many tenants, coding agents, evaluators, graders, makers, an
aggregator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from random import Random

from stillwatch.simulation.innocents.stage import (
    Customer,
    Interests,
    Options,
    Stage,
    adoption,
    conversations,
    interests,
    signed_up,
    somebody,
    span_of,
    style_and_tastes,
    turn_of,
)
from stillwatch.simulation.ledger import Account, Session, Turn, opaque
from stillwatch.simulation.networks import client
from stillwatch.simulation.rhythm import DAY, machine
from stillwatch.simulation.texts.noise import Style, invented_name
from stillwatch.simulation.texts.snippets import tool_result
from stillwatch.simulation.texts.writer import Topic, Writer, topics, wordings


def owner(stage: Stage, r: Random, kind: str, *, keys: int = 1, nightly: bool = False) -> Account:
    """A program's account: data centre, pinned client, its own domain, several keys where asked."""
    return Account(
        kind,
        (stage.internet.cloud(r, r.choice((1, 1, 2, 4))),),
        client(r, 1),
        machine(r, nightly=nightly),
        signed_up(r, stage.period, new=0.05),
        adopts=adoption(r, stage.period, never=0.6, pace=3.0),
        small=r.choice((0.0, 0.0, 1.0)),
        email_domain=f"{invented_name(r).lower()}.example",
        keys=keys,
        network="cloud",
        retries=0.9,
    )


def template(r: Random, kind: str) -> str:
    """One of the project's templates for a kind, made its owner's own by a name, a note or a tag round it."""
    text, name = r.choice(wordings()[f"innocent.{kind}"]), invented_name(r)
    return (
        r.choice(
            (
                "{t}",
                "[{x}] {t}",
                "{t}\n(Service {x}, rev {n})",
                "You work for {x}. {t}",
                "{t} Use the tone of {x}.",
                "<{x}>{t}</{x}>",
            )
        )
        .replace("{t}", text)
        .replace("{x}", name)
        .replace("{n}", str(r.randint(2, 90)))
    )


def filled(pattern: str, r: Random, *, text: str, task: str, answer: str) -> str:
    """The template with its gaps filled; braces in the fillings stay as they are."""
    return pattern.format(
        text=text, task=task, answer=answer, n=r.randint(3, 20), persona=r.choice(wordings()["personas"])
    )


def machine_sessions(
    stage: Stage, account: Account, r: Random, count: int, make: list[Topic], pattern: str
) -> list[Session]:
    """One call a session: fillings written by the program's many users on its topics."""
    temperature, limit = r.choice((0.0, 0.1, 0.3, None)), r.choice((256, 600, None))
    found = []
    writer = Writer(r, Style.draw(r))
    for n, at in enumerate(
        account.rhythm.moments(r, count, *span_of(r, stage.period, account.created_at, leaves=0.05))
    ):
        if n % 12 == 0:
            writer = Writer(r, Style.draw(r))
        ask = writer.ask(r.choice(make))
        text = filled(pattern, r, text=ask.text, task=ask.text, answer=ask.answer)
        found.append(
            Session(
                at, [Turn(text, ask.answer[: r.randint(20, 500)])], gap=2.0, temperature=temperature, max_tokens=limit
            )
        )
    return found


def apps(stage: Stage, size: int) -> Iterator[Customer]:
    """Apps: each its own template, many fillings, a data-centre address, several keys."""
    for i in range(size):
        r = stage.random("app", i)
        account = owner(stage, r, "app", keys=r.randint(1, 3))
        account.created_at = min(account.created_at, 0.0)
        yield (
            account,
            machine_sessions(
                stage, account, r, stage.count(r, 260, 0.7), r.sample(topics(), r.randint(2, 9)), template(r, "app")
            ),
            r,
        )


def batch_scripts(stage: Stage, size: int) -> Iterator[Customer]:
    """Somebody's nightly job: a burst at the same time each day."""
    for i in range(size):
        r = stage.random("batch", i)
        account = owner(stage, r, "batch_script", nightly=True)
        account.places = (stage.internet.home(r),) if r.random() < 0.5 else account.places
        yield (
            account,
            machine_sessions(
                stage, account, r, stage.count(r, 70, 0.6), r.sample(topics(), r.randint(1, 4)), template(r, "app")
            ),
            r,
        )


def saas_customers(stage: Stage, size: int) -> Iterator[Customer]:
    """Tenants of one product (about 30 each): the same template and product address, contents private to each
    tenant."""
    number = max(1, size // 30) if size else 0
    for product in range(number):
        g = stage.random("product", product)
        pattern, backend, sdk = template(g, "app"), stage.internet.cloud(g, 3), client(g, 1)
        fields = g.sample(topics(), 12)
        for i in range(size // number):
            r = stage.random("product", product, i)
            account = owner(stage, r, "saas_customer", keys=r.randint(1, 2))
            account.client = sdk
            account.places = (backend,) if r.random() < 0.8 else account.places
            yield (
                account,
                machine_sessions(
                    stage, account, r, stage.count(r, 60, 0.7), r.sample(fields, r.randint(1, 3)), pattern
                ),
                r,
            )


def developers(stage: Stage, size: int) -> Iterator[Customer]:
    """Developers with popular coding agents: shared system prompts, long loops of tool results, own code."""
    for i in range(size):
        r = stage.random("developer", i)
        account = somebody(stage, r, "developer", foreign=0.1)
        account.client, account.keys = client(r, 2), r.choice((1, 1, 2, 3))
        writer, tastes = style_and_tastes(account, r, 0.08)
        own = r.sample([topic for topic in topics() if topic.family in ("code", "data")], r.randint(1, 4))
        agent = agent_options(agent_prompt(r), added_tools(stage.random("developer", i, "tools")))
        span = span_of(r, stage.period, account.created_at)
        count = stage.count(r, 48, 0.8)
        chats = round(count * r.choice((0.0, 0.0, 0.1, 0.3, 0.6)))
        sessions = conversations(writer, tastes, r, count=chats, turns=2.0, rhythm=account.rhythm, span=span)
        yield account, agent_sessions(writer, own, r, count - chats, account, span, agent) + sessions, r


def agent_prompt(r: Random) -> str:
    """The system prompt of one of the popular coding agents, the popular ones more often."""
    return r.choices(wordings()["innocent.agents"], weights=(5, 3, 2))[0]


def agent_options(prompt: str, added: int) -> Options:
    """What a coding agent sends along: its own prompt and tools, and the tools that its user ``added``."""
    return Options(system_prompt=prompt, temperature=1.0, tool_count=3 + len(prompt) % 7 + added, window=40)


def added_tools(r: Random) -> int:
    """Tools that one user adds to a coding agent: none for half of them."""
    return r.choice((0, 1)) * r.randint(1, 8)


def agent_sessions(
    writer: Writer, own: list[Topic], r: Random, count: int, account: Account, span: tuple[float, float], agent: Options
) -> list[Session]:
    """Loops of a coding agent: a request, then tool results; lengths heavy-tailed."""
    found: list[Session] = []
    lengths: list[int] = []
    while sum(lengths) < count:
        lengths.append(min(count - sum(lengths), max(1, int(r.lognormvariate(1.4, 0.8)))))
    for at, length in zip(account.rhythm.moments(r, len(lengths), *span), lengths, strict=True):
        ask = writer.ask(r.choice(own))
        turns = [turn_of(ask)]
        for _ in range(length - 1):
            human = r.random() < 0.15
            ask = writer.follow_up(ask) if human else ask
            turns.append(turn_of(ask) if human else Turn(tool_result(r), writer.answer(ask.topic, ask.slots)))
        found.append(Session(at, turns, gap=r.uniform(6, 40), **agent))
    return found


def evaluators(stage: Stage, size: int) -> Iterator[Customer]:
    """Benchmark runners: everybody works through the same public list of questions, once or for several models."""
    g = stage.random("benchmark", "list")
    items = [
        Writer(g, Style.program(g)).ask(g.choice(topics()), plain=True) for _ in range(max(40, round(220 * stage.load)))
    ]
    for i in range(size):
        r = stage.random("benchmark", i)
        account = owner(stage, r, "evaluator")
        account.small = 0.0
        frame = r.choice(("{q}", "Q: {q}\nA:", "{q}\n\nAnswer:", "Answer the question. {q}"))
        sessions = []
        for _ in range(r.choice((1, 1, 2))):
            at = r.uniform(max(0.0, account.created_at), stage.period.end * 0.9)
            for item in r.sample(items, round(len(items) * r.uniform(0.5, 1.0))):
                sessions.append(
                    Session(at, [Turn(frame.replace("{q}", item.text), item.answer)], temperature=0.0, max_tokens=1024)
                )
                at += r.expovariate(1 / 20)
        yield account, sessions, r


def judges(stage: Stage, size: int) -> Iterator[Customer]:
    """Firms that let the model grade their own product's answers."""
    for i in range(size):
        r = stage.random("judge", i)
        account = owner(stage, r, "judge", keys=r.randint(1, 3))
        yield (
            account,
            machine_sessions(
                stage, account, r, stage.count(r, 230, 0.5), r.sample(topics(), r.randint(1, 3)), template(r, "judge")
            ),
            r,
        )


def makers(stage: Stage, size: int) -> Iterator[Customer]:
    """Makers of synthetic data who declared it: one account each, heavy load, evolving prompts."""
    for i in range(size):
        r = stage.random("maker", i)
        account = owner(stage, r, "synthetic_maker", keys=3)
        pattern = template(r, "maker")
        yield (
            account,
            machine_sessions(
                stage, account, r, stage.count(r, 380, 0.4), r.sample(topics(), r.randint(4, 20)), pattern
            ),
            r,
        )


def aggregators(stage: Stage, size: int) -> Iterator[Customer]:
    """A relay of many people behind one account: mixed interests, short and long conversations, few addresses."""
    for i in range(size):
        r = stage.random("aggregator", i)
        account = owner(stage, r, "aggregator", keys=4)
        account.created_at, account.small = -300 * DAY, 0.2
        sessions: list[Session] = []
        for person in range(max(2, stage.count(r, 60, 0.3))):
            p = stage.random("aggregator", i, person)
            tastes: Interests = interests(p, 0.05)
            sessions += conversations(
                Writer(p, Style.draw(p)),
                tastes,
                p,
                count=p.randint(1, 14),
                turns=2.0,
                rhythm=account.rhythm,
                span=(0.0, stage.period.end),
                options={"temperature": 0.7},
            )
        yield account, sorted(sessions, key=lambda session: session.at), r


def resellers(stage: Stage, size: int) -> Iterator[Customer]:
    """Honest people who bought access from a reseller: strangers behind its addresses and client, paid by its cards."""
    g = stage.random("reseller", "gate")
    gate, sdk = stage.internet.cloud(g, 4), client(g, 1)
    for i in range(size):
        r = stage.random("reseller", i)
        account = dataclasses.replace(
            somebody(stage, r, "reseller_customer"), places=(gate,), client=sdk, network="shared"
        )
        account.payment = opaque("pm-", stage.seed, "reseller", i // 12, size=6)
        writer, tastes = style_and_tastes(account, r, 0.05)
        sessions = conversations(
            writer,
            tastes,
            r,
            count=stage.count(r, 16, 0.8),
            turns=2.0,
            rhythm=account.rhythm,
            span=span_of(r, stage.period, account.created_at),
        )
        yield account, sessions, r
