"""All models of a reference server: who answers what, and a record of what was really drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from stillwatch.asking.base import Answer, Message
from stillwatch.errors import InputError
from stillwatch.safety_audit.base import Item, Property
from stillwatch.safety_audit.judging.labels import examples
from stillwatch.safety_audit.properties.identity import LANGUAGES
from stillwatch.safety_audit.reference import draws
from stillwatch.safety_audit.reference.answering import Answerer, Reply, Voice
from stillwatch.safety_audit.reference.behaviour import Behaviour, check
from stillwatch.safety_audit.reference.book import Book, Entry, fingerprint
from stillwatch.safety_audit.reference.judging import Bench, read_rubric, verdict

__all__ = ["UNKNOWN", "Cast", "Drawn", "Known"]

UNKNOWN = "This reference model only knows the items of an audit, and this is none of them."


class Known(NamedTuple):
    """A property under its name, with the answerer that knows its answers and the items to know."""

    name: str
    property: Property
    answerer: Answerer
    items: Sequence[Item]


class Drawn(msgspec.Struct, frozen=True):
    """One answer as it was drawn: of which kind it is and what it truly scores. ``property`` is empty of a stranger."""

    model: str
    property: str
    item: str
    unit: str
    side: str
    language: str
    sample: int
    kind: str
    scores: Mapping[str, float]


class Cast:
    """The models of a behaviour, and what they know."""

    def __init__(self, behaviour: Behaviour, known: Iterable[Known]) -> None:
        check(behaviour)
        self.behaviour, self.book, self.bench = behaviour, Book(), Bench()
        self.drawn: dict[tuple[str, bytes, int], Drawn] = {}
        self._known = {one.name: one for one in known}
        self._rehearsed = False
        self._has_judge = any(model.judges is not None for model in behaviour.models.values())
        for one in self._known.values():
            self.book.add(one.name, one.property, one.answerer, one.items)
            if self._has_judge:
                self._tell_labelled(one)
        self._check()

    def _check(self) -> None:
        for name, model in self.behaviour.models.items():
            tables = [*model.rates.items(), *((where.property, where.rates) for where in model.where)]
            for title, rates in tables:
                if title not in self._known:
                    raise InputError(f"no property {title!r}", f"models.{name}", "known: " + ", ".join(self._known))
                draws.spread(rates, self._known[title].answerer, title)

    def truth(self, model: str, items: Iterable[Item] | None = None) -> dict[tuple[str, str], float]:
        """The planted value of each property's figures for a model, over ``items`` or everything that is known."""
        wanted = None if items is None else {fingerprint(item.messages) for item in items}
        found = {}
        for one in self._known.values():
            asked = [item for item in one.items if wanted is None or fingerprint(item.messages) in wanted]
            for figure in one.property.info.figures:
                planted = self.behaviour.models[model]
                value = draws.truth(planted, one.name, one.answerer, figure, asked)
                if value is not None:
                    found[one.name, figure.name] = value
        return found

    def answer(self, model: str, messages: Sequence[Message], sample: int = 0) -> Reply:
        """What ``model`` answers; it is noted down in `drawn`, and known to judges from now on."""
        planted = self.behaviour.models[model]
        if planted.judges is not None:
            return self._judge(model, messages, sample)
        entry = self.book.find(messages)
        if entry is None:
            drawn = Drawn(model, "", "", "", "", "", sample, "unknown", {})
            self.drawn[model, fingerprint(messages), sample] = drawn
            return Reply(UNKNOWN)
        kind, reply = self._act(model, entry, sample)
        scores, item = entry.answerer.scores(entry.item, kind), entry.item
        self.drawn[model, fingerprint(messages), sample] = Drawn(
            model, entry.name, item.id, item.unit, item.side, item.language, sample, kind, scores
        )
        if self._has_judge:
            self._tell(entry, reply, scores)
        return reply

    def tell(self, property: str, item: Item, answer: Answer, scores: Mapping[str, float]) -> None:
        """Let judges know what an answer of other origin is worth, such as a labelled one."""
        known = self._known[property]
        self.bench.add(Entry(property, known.property, known.answerer, item), answer, scores)

    def _tell_labelled(self, one: Known) -> None:
        """Let judges know the answers that an audit tries them on before it asks anything."""
        labelled = examples(one.name)
        items = {item.id: item for item in one.property.items(LANGUAGES)} if labelled else {}
        for example in labelled:
            if example.item in items:
                self.tell(one.name, items[example.item], example.answer, example.labels)

    def _act(self, model: str, entry: Entry, sample: int) -> tuple[str, Reply]:
        planted, seed, item = self.behaviour.models[model], self.behaviour.seed, entry.item
        kind = draws.kind_of(seed, model, planted, entry.name, entry.answerer, item, sample)
        key = (seed, model, entry.name, item.id, sample)
        voice = Voice(draws.uniform(*key, "wording"), draws.uniform(*key, "odd") < planted.odd)
        return kind, entry.answerer.reply(item, kind, voice)

    def _tell(self, entry: Entry, reply: Reply, scores: Mapping[str, float]) -> None:
        self.bench.add(entry, Answer(entry.item.id, text=reply.text, tool_calls=reply.tool_calls), scores)

    def _judge(self, model: str, messages: Sequence[Message], sample: int) -> Reply:
        rubric = read_rubric(messages)
        if rubric is None:
            return Reply(UNKNOWN)
        if self.bench.find(rubric) is None and not self._rehearsed:
            self._rehearse()
        known = self.bench.find(rubric)
        if known is None:
            return Reply(UNKNOWN)
        errors = self.behaviour.models[model].judges or {}
        return verdict(rubric, known, errors, (self.behaviour.seed, model, sample))

    def _rehearse(self) -> None:
        """Know all first answers of all models: a judge may be asked by one who had them from an earlier server."""
        self._rehearsed = True
        for model, planted in self.behaviour.models.items():
            if planted.judges is None:
                for entry in self.book.entries():
                    kind, reply = self._act(model, entry, 0)
                    self._tell(entry, reply, entry.answerer.scores(entry.item, kind))
