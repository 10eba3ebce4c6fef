"""Pairs from a run and its log: what a campaign took, and twins that one's own model answered, sealed.

`taken_from_log` finds the exchanges, `twin_questions` asks one's own model the same again under the same settings, and
`pairs_from_sealed` puts its answers beside those of the log. The suspect is asked `suspect_questions`.

No prompt of an innocent account is ever made a control: a suspect's owner would read it. Controls are prompts of the
provider's own (`reading.prepared`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.asking.base import Message, Question
from stillwatch.asking.sealed import fingerprint, read_sealed
from stillwatch.errors import InputError, UsageError
from stillwatch.exchange import in_order
from stillwatch.proving.twins.base import Pair
from stillwatch.signals.new_text import new_turn
from stillwatch.sources.log import Log

__all__ = [
    "PairsMade",
    "Taken",
    "TakenRead",
    "pairs_from_sealed",
    "suspect_questions",
    "taken_from_log",
    "twin_questions",
]

LEAST = 0.5
"""Probability of having been taken from which an exchange counts."""
_LIMIT = 4096
_COLUMNS = ("exchange_id", "started_at", "model", "operation", "system_prompt", "messages", "response", "tool_count")
_READ = (*_COLUMNS, "temperature", "max_tokens", "status")


class Taken(msgspec.Struct, frozen=True):
    """One exchange: the ``question`` as the campaign asked it (its id is the exchange's), the ``answer`` in the log,
    and the ``model`` that gave it ("" where the log does not say)."""

    question: Question
    answer: str
    model: str

    @property
    def prompt(self) -> str:
        """All that the model was given, as one text."""
        return "\n\n".join(message.text for message in self.question.messages)


class TakenRead(NamedTuple):
    """What was taken, by time, and how many exchanges were set aside for which reason."""

    taken: tuple[Taken, ...]
    set_aside: Mapping[str, int]


class PairsMade(NamedTuple):
    """Pairs in the order of what was taken, and how many answers or exchanges were set aside for which reason."""

    pairs: tuple[Pair, ...]
    set_aside: Mapping[str, int]


def taken_from_log(run: Path, campaign_id: str, log: Log, least: float = LEAST) -> TakenRead:
    """The exchanges that a campaign took, read from the log that the run was made from.

    They are chosen by their prompts and by that there is an answer, never by what it says: a chosen answer would be
    unlike its twins.

    Set aside are those without prompt or answer, with tools, that failed, and those with an earlier answer in their
    prompt: what follows on an answer gives it away, so that it is no coin any more.

    Raises `InputError` where the run lacks the table of exchanges, `UsageError` where the campaign took none.
    """
    wanted = _ids(run / "exchanges.parquet", campaign_id, least)
    rows = []
    for batch in log.batches():
        chosen = batch.filter(pc.is_in(batch.column("exchange_id"), value_set=wanted)).select(list(_READ))
        rows.append(chosen)
    table = in_order(pa.Table.from_batches(rows)) if rows else pa.table({"exchange_id": []})
    aside: Counter[str] = Counter()
    aside["not in the log"] = len(wanted) - table.num_rows
    taken = []
    for row in table.to_pylist():
        found = _taken(row)
        if isinstance(found, Taken):
            taken.append(found)
        else:
            aside[found] += 1
    return TakenRead(tuple(taken), {why: count for why, count in aside.items() if count})


def _ids(path: Path, campaign_id: str, least: float) -> pa.Array:
    try:
        table = pq.read_table(path, columns=["exchange_id", "campaign_id", "taken"])
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError("is no table of a run's exchanges", path, "name a directory that `scan` wrote") from error
    of = pc.and_(pc.equal(table.column("campaign_id"), campaign_id), pc.greater_equal(table.column("taken"), least))
    ids: pa.Array = table.filter(of).column("exchange_id").combine_chunks().cast(pa.large_string())
    if not len(ids):
        raise UsageError(f"shows no exchange that {campaign_id} took", path, "name a campaign of the run")
    return ids


def _taken(row: Mapping[str, Any]) -> Taken | str:
    """The exchange, or why it is set aside."""
    turn = new_turn(row["messages"])
    reasons = {
        "it failed": row["status"] is not None and not 200 <= row["status"] < 300,
        "the log has no answer": not (row["response"] or "").strip(),
        "the log has no prompt": not turn.text.strip(),
        "its prompt holds an earlier answer": turn.history_length > 0,
        "it used tools": turn.is_tool_result or bool(row["tool_count"]),
    }
    for why, true in reasons.items():
        if true:
            return why
    system = row["system_prompt"] or turn.system
    messages = (*((Message("system", system),) if system else ()), Message("user", turn.text))
    question = Question(
        row["exchange_id"],
        messages,
        max_tokens=row["max_tokens"] or _LIMIT,
        temperature=row["temperature"],
    )
    return Taken(question, row["response"], row["model"] or "")


def twin_questions(taken: Sequence[Taken], twins: int = 1) -> tuple[Question, ...]:
    """What one's own model is asked for twins: the same again, under the settings of the log."""
    return tuple(msgspec.structs.replace(each.question, sample=sample) for each in taken for sample in range(twins))


def suspect_questions(taken: Sequence[Taken], samples: int = 3, *, system: bool = False) -> tuple[Question, ...]:
    """What a suspect is asked: the prompts, ``samples`` times each at its default temperature.

    ``system``: with the campaign's system prompt too. A student is mostly trained without it, and the test holds either
    way.
    """
    return tuple(
        msgspec.structs.replace(
            each.question,
            sample=sample,
            temperature=None,
            messages=tuple(m for m in each.question.messages if system or m.role != "system"),
        )
        for each in taken
        for sample in range(samples)
    )


def pairs_from_sealed(taken: Sequence[Taken], twins: Path) -> PairsMade:
    """Pairs of what was taken and the sealed answers of one's own model to `twin_questions`.

    Set aside are answers that came to no whole end for another reason than their length, to other words or settings
    than the log's, or by a model that calls itself otherwise; and exchanges that are left without a twin. Raises
    `InputError` for a file that is no sealed one, or is broken.
    """
    by_id = {each.question.id: each for each in taken}
    found: dict[str, dict[int, tuple[str, str]]] = {}
    aside: Counter[str] = Counter()
    for entry in read_sealed(twins).entries:
        answer = entry.answer
        of = by_id.get(answer.question)
        if of is None:
            aside["twin: of no exchange that was taken"] += 1
        elif entry.asked != fingerprint(of.question):
            aside["twin: asked in other words or under other settings"] += 1
        elif answer.finish not in ("stop", "length") or entry.withheld or not answer.text.strip():
            # As exchanges without an answer are: what is asked of the one must be asked of the other.
            aside["twin: no whole answer"] += 1
        elif of.model and answer.model and of.model != answer.model:
            aside["twin: drawn from another model or version"] += 1
        else:
            found.setdefault(answer.question, {})[answer.sample] = (answer.text, answer.finish)
    pairs = []
    for each in taken:
        twin = found.get(each.question.id)
        if not twin:
            aside["taken: without a twin"] += 1
            continue
        texts = [twin[sample][0] for sample in sorted(twin)]
        pairs.append(Pair(prompt_id=each.question.id, prompt=each.prompt, taken=each.answer, twins=tuple(texts)))
    return PairsMade(tuple(pairs), dict(aside))
