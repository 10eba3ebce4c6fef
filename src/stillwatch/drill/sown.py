"""A plan carried out in memory: the log as a scan would have read it with the campaigns in it.

The sessions of those who stay are as they were read; a session that is asked again unchanged keeps its numbers too. A
request in new words is read anew, by the functions of the scan and with what was learnt from this log (its small talk,
its codebooks). What is left out against reading the whole log afresh: codebooks are those of the log without the
campaigns, and a wording counts as shared among the planted alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from stillwatch.drill.material import CODED, Material
from stillwatch.drill.planting import DAY, Plan
from stillwatch.linkage.activity import CUSTOMERS, Activity, Bools, Floats, Ints, Singles
from stillwatch.linkage.reading import HEAD, TAIL
from stillwatch.signals.embedding import embed
from stillwatch.signals.techniques.model import Request, classify
from stillwatch.signals.wording.repeats import ALIKE, find_repeats
from stillwatch.signals.wording.templates import find_wordings

__all__ = ["Sown", "sow"]


@dataclass(frozen=True)
class Sown:
    """A planted log: its ``activity``, and of each of its accounts (m,) the ``campaign`` (-1: none) and ``origin``.

    ``origin`` is the account number in the user's log for those who stayed, -1 for the planted. ``names`` (s,) of the
    sessions deal them to the search or to the test, as exchange ids do in a scan. ``harvested`` (s,) says what fed the
    copy.
    """

    activity: Activity
    campaign: Ints
    origin: Ints
    names: list[str]
    harvested: Bools


def sow(material: Material, plan: Plan) -> Sown:
    """Carry out ``plan``. A plan without sessions gives the log without those who were given up."""
    base = material.activity
    stay = np.flatnonzero(~plan.given_up)
    kept = np.flatnonzero(~plan.given_up[base.account])
    source = np.array([planted.source for planted in plan.sessions], dtype=np.int64)
    rows = np.concatenate([kept, source])
    number = _numbers(plan, len(stay))
    place = np.full(base.accounts, -1, dtype=np.int64)
    place[stay] = number[: len(stay)]
    account = np.concatenate([place[base.account[kept]], number[len(stay) :][_of(plan, "account")]])
    asked = _asked(material, plan, account[len(kept) :])
    changes = _changes(material, plan)
    start = np.concatenate([base.start[kept], _of(plan, "at") / DAY])
    head = base.only(kept)

    def joined(name: str, tail: np.ndarray) -> np.ndarray:
        return np.concatenate([getattr(head, name), tail])

    tools = joined("tools", changes.pop("tools"))
    changed: dict[str, Any] = {name: joined(name, codes) for name, codes in changes.items()}
    activity = replace(
        base.only(rows),
        accounts=len(number),
        account=account,
        start=start,
        turns=joined("turns", _of(plan, "turns").astype(np.float64)),
        topics=tuple(np.concatenate(each) for each in zip(head.topics, asked.topics[: len(base.topics)], strict=True)),
        redrawn=tuple(
            np.concatenate(each) for each in zip(head.redrawn, asked.topics[len(base.topics) :], strict=True)
        ),
        wording=joined("wording", asked.wording),
        repeat=joined("repeat", asked.repeat),
        technique=joined("technique", asked.technique),
        vector=joined("vector", asked.vector),
        talk=joined("talk", asked.talk),
        tools=tools,
        **changed,
        **_customers(base, plan, stay, number),
    )
    order = np.argsort(start, kind="stable")
    planted = np.array([one.technique is not None for one in plan.sessions], dtype=bool)
    names = [f"{row}" for row in kept.tolist()] + [f"{plan.seed}/{i}" for i in range(len(source))]
    campaign = np.full(len(number), -1, dtype=np.int64)
    campaign[number[len(stay) :]] = [one.campaign for one in plan.accounts]
    origin = np.full(len(number), -1, dtype=np.int64)
    origin[number[: len(stay)]] = stay
    return Sown(
        activity.only(order),
        campaign,
        origin,
        [names[i] for i in order.tolist()],
        np.concatenate([np.zeros(len(kept), dtype=bool), planted])[order],
    )


def _of(plan: Plan, name: str) -> Ints:
    return np.array([getattr(session, name) for session in plan.sessions], dtype=np.int64)


def _numbers(plan: Plan, stay: int) -> Ints:
    """Account numbers of those who stay and then of the planted, at random: nothing may hang on their order."""
    return np.random.default_rng([plan.seed, 5]).permutation(stay + len(plan.accounts)).astype(np.int64)


class _Asked(NamedTuple):
    """What is read of the planted sessions' requests, (p,) each."""

    topics: tuple[Ints, ...]
    wording: Ints
    repeat: Ints
    technique: Floats
    vector: Singles
    talk: Bools


def _asked(material: Material, plan: Plan, who: Ints) -> _Asked:
    base = material.activity
    source = _of(plan, "source")
    topics = [book[source] for book in (*base.topics, *base.redrawn)]
    wording, repeat = base.wording[source].copy(), base.repeat[source].copy()
    technique, vector, talk = base.technique[source].copy(), base.vector[source].copy(), base.talk[source].copy()
    anew = np.array([i for i, one in enumerate(plan.sessions) if one.text is not None], dtype=np.int64)
    if len(anew):
        texts = [str(plan.sessions[i].text) for i in anew]
        said = [material.small_talk.strip(text) for text in texts]
        found = find_wordings(said, who[anew])
        vectors = embed(found.filling, HEAD, TAIL)
        vector[anew], talk[anew] = vectors, [len(a) < len(b) for a, b in zip(said, texts, strict=True)]
        for topic, book in zip(topics, material.codebooks, strict=True):
            topic[anew] = book.topics(vectors)
        wording[anew] = np.where(found.number > 0, found.number + base.wording.max(initial=0), 0)
        repeat[anew] = _repeats(base, source[anew], found.filling, vectors)
        technique[anew] = classify(_request(material, plan, anew, texts))
    return _Asked(tuple(topics), wording, repeat, technique, vector, talk)


def _repeats(base: Activity, source: Ints, filling: list[str], vectors: Singles) -> Ints:
    """A filling that still says what the session said repeats what that repeats; the others repeat each other only."""
    cell = np.zeros(len(filling), dtype=np.int64)
    among = find_repeats(filling, vectors, (cell,)) + base.repeat.max(initial=-1) + 1
    same = (vectors * base.vector[source]).sum(axis=1) >= ALIKE
    repeats: Ints = np.where(same, base.repeat[source], among)
    return repeats


def _request(material: Material, plan: Plan, anew: Ints, texts: list[str]) -> Request:
    planted = [plan.sessions[i] for i in anew]
    tools = material.activity.tools
    return Request(
        text=texts,
        system=[str(p.harness[0] or "") if p.harness else material.system[p.source] for p in planted],
        tool_count=np.array([_tools(p.harness[1]) if p.harness else int(tools[p.source]) for p in planted], np.int64),
        is_tool_result=material.tool_result[[p.source for p in planted]],
        history_length=material.history[[p.source for p in planted]],
    )


def _tools(value: Any) -> int:
    return int(value) if value is not None else 0


def _changes(material: Material, plan: Plan) -> dict[str, Any]:
    """Category numbers of what a planted session changes, (p,) each, by name in `Activity`; tools as they are."""
    base, codes = material.activity, material.codes()
    next_code = {column: int(getattr(base, name).max(initial=0)) + 1 for column, name in CODED.items()}

    def code(column: str, value: Any) -> int:
        known = codes[column]
        if value is None or next_code[column] == 1:  # what the log does not hold, the planted do not show either
            return 0
        if value not in known:
            known[value] = next_code[column]
            next_code[column] += 1
        return known[value]

    changed: dict[str, list[int]] = {name: [] for name in (*CODED, "tool_count")}
    for one in plan.sessions:
        for (first, second), pair in ((("client_ip", "client_asn"), one.place), (("user_agent", "ja4"), one.device)):
            changed[first].append(code(first, pair[0]))
            changed[second].append(code(second, pair[1]))
        model = material.values["model"][one.source]
        if model in (plan.usual, plan.newest):
            model = plan.newest if one.at >= max(one.adopts, plan.release) else plan.usual
        changed["model"].append(code("model", model))
        own = tuple(material.values[name][one.source] for name in ("temperature", "max_tokens"))
        temperature, limit = one.settings or own
        changed["temperature"].append(code("temperature", temperature))
        changed["max_tokens"].append(code("max_tokens", limit))
        own = tuple(material.values[name][one.source] for name in ("system_prompt", "tool_count"))
        system, tools = one.harness or own
        changed["system_prompt"].append(code("system_prompt", system))
        changed["tool_count"].append(_tools(tools))
    arrays = {column: np.array(values, dtype=np.int64) for column, values in changed.items()}
    named: dict[str, Any] = {CODED.get(column, "tools"): array for column, array in arrays.items()}
    named["tools"] = np.clip(named["tools"], 0, base.tools.max(initial=0))
    return named


def _customers(base: Activity, plan: Plan, stay: Ints, number: Ints) -> dict[str, Any]:
    """Payment, organisation and sign-up of all accounts, (m,) each; nothing is known where there is no such table."""
    if CUSTOMERS not in base.sees:
        unknown = np.arange(len(number), dtype=np.int64)
        return {"payment": unknown, "organization": unknown, "created": np.full(len(number), np.nan)}
    columns: dict[str, np.ndarray] = {}
    for name in ("payment", "organization"):
        labels = [getattr(one, name) for one in plan.accounts]
        known = {label: i for i, label in enumerate(dict.fromkeys(labels))}
        codes = np.array([known[label] for label in labels], dtype=np.int64) + getattr(base, name).max(initial=-1) + 1
        columns[name] = np.empty(len(number), dtype=np.int64)
        columns[name][number] = np.concatenate([getattr(base, name)[stay], codes])
    columns["created"] = np.empty(len(number))
    columns["created"][number] = np.concatenate([base.created[stay], [one.created / DAY for one in plan.accounts]])
    return columns
