"""Pairs and answers from files: good lines are kept, the others are counted with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.asking.base import Answer, Question
from stillwatch.asking.sealed import open_sealed
from stillwatch.errors import InputError, UsageError
from stillwatch.exchange import EXCHANGE
from stillwatch.proving.twins.base import LogProbability
from stillwatch.proving.twins.reading.log import (
    Taken,
    pairs_from_sealed,
    suspect_questions,
    taken_from_log,
    twin_questions,
)
from stillwatch.proving.twins.reading.prepared import read_answers, read_log_probabilities, read_pairs
from stillwatch.proving.twins.running import prove
from stillwatch.proving.twins.splitting import about
from stillwatch.sources.log import open_log
from tests.proving.twins.made import KEY, made

PAIR = {"prompt_id": "a", "prompt": "Why?", "taken": "r", "twins": ["s", "t"]}
MODEL = "teacher-1"


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_pairs_are_read_and_what_is_none_is_counted_with_file_and_line(tmp_path: Path) -> None:
    path = written(
        tmp_path / "pairs.jsonl",
        PAIR | {"system": "Be brief.", "finish": "stop", "twin_finishes": ["stop", "length"], "more": 1},
        "",
        "{not json",
        PAIR,
        {"prompt_id": "b", "prompt": "How?", "twins": ["s"]},
        {"prompt_id": "c", "prompt": "How?", "twins": ["s"], "control": True},
        {"prompt_id": "d", "prompt": [{"role": "user", "content": "When?"}], "twins": ["s", "t"], "control": True},
        PAIR | {"prompt_id": "e", "made_with": {"model": 1, "at": 2}, "twins_made_with": {"at": 2, "model": 1}},
        PAIR | {"prompt_id": "f", "made_with": {"model": 1}, "twins_made_with": {"model": 2}},
        PAIR | {"prompt_id": "g", "twins": []},
        PAIR | {"prompt_id": "h", "prompt": ""},
        PAIR | {"prompt_id": 7},
    )
    read = read_pairs(path)
    assert [pair.prompt_id for pair in read.pairs] == ["a", "d", "e"]
    assert read.pairs[0].prompt == "Be brief.\n\nWhy?"
    assert read.pairs[0].finishes == ("stop", "stop", "length")
    assert (read.pairs[1].prompt, read.pairs[1].taken, read.pairs[1].control) == ("When?", None, True)
    places = [int(each.where.rpartition(":")[2]) for each in read.rejected]
    assert places == [3, 4, 5, 6, 9, 10, 11, 12]
    reasons = " | ".join(each.reason for each in read.rejected)
    for part in (
        "malformed",
        "line before",
        "no taken answer",
        "needs two twins",
        "other settings",
        "no twin",
        "empty",
    ):
        assert part in reasons


def test_answers_of_a_prepared_file_come_sample_by_sample(tmp_path: Path) -> None:
    path = written(
        tmp_path / "answers.jsonl",
        {"prompt_id": "a", "sample": 1, "answer": "second"},
        {"prompt_id": "a", "answer": "first"},
        {"prompt_id": "a", "sample": 1, "answer": "again"},
        {"prompt_id": "b", "answer": None},
    )
    read = read_answers(path)
    assert read.answers == {"a": ("first", "second")}
    assert [each.where for each in read.rejected] == [f"{path}:3", f"{path}:4"]
    assert read.sealing.about is None


def test_sealed_answers_bring_their_seal_and_what_was_settled(tmp_path: Path) -> None:
    world = made(21, n=80, controls=0, samples=2)
    path = tmp_path / "suspect.sealed"
    with open_sealed(path, model="suspect", seed=1, about=about(world.pairs, KEY)) as sealed:
        for name, texts in world.answers.items():
            for sample, text in enumerate(texts):
                sealed.add(Question(name, (), sample), Answer(name, sample, text))
        sealed.add(Question("p0", (), 9), Answer("p0", 9, finish="failed", error="busy"))
        sealed.add(Question("p1", (), 9), Answer("p1", 9, "not kept"), with_text=False)
    read = read_answers(path)
    assert read.answers == world.answers
    assert [each.reason for each in read.rejected] == [
        "the suspect gave no answer",
        "the text of the answer was not kept",
    ]
    evidence = prove(world.pairs, read.answers, KEY, sealing=read.sealing)
    assert evidence.numbers["seal"] == read.sealing.seal != ""
    assert not any("settled" in caveat for caveat in evidence.caveats)
    text = path.read_text()
    path.write_text(text.replace(world.answers["p3"][0][:9], "X" * 9))
    with pytest.raises(InputError, match="changed after it was sealed"):
        read_answers(path)


def test_probabilities_are_read_by_place(tmp_path: Path) -> None:
    one = {"prompt_id": "a", "which": "taken", "logprob": -12.5, "tokens": 10}
    path = written(
        tmp_path / "logprobs.jsonl",
        one,
        one | {"which": 0, "logprob": -20.0, "reference": -19.0},
        one,
        one | {"which": -1},
        one | {"which": 1, "tokens": 0},
        one | {"which": 1, "logprob": 0.5},
        one | {"which": "nothing"},
        '{"prompt_id": "a", "which": 1, "logprob": NaN, "tokens": 3}',
    )
    read = read_log_probabilities(path)
    assert read.given == {("a", 0): LogProbability(-12.5, 10), ("a", 1): LogProbability(-20.0, 10, -19.0)}
    assert len(read.rejected) == 6


@pytest.mark.parametrize("read", [read_pairs, read_answers, read_log_probabilities])
def test_files_that_hold_nothing_are_refused_in_one_line(tmp_path: Path, read: Any) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "absent")
    for name, content in (("empty", ""), ("other", "plain text\n"), ("deep", "[" * 100_000)):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(InputError, match="holds no") as error:
            read(path)
        assert len(str(error.value).splitlines()) == 1


def exchange(name: str, at: int, prompt: str, answer: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "exchange_id": name,
        "started_at": 1_750_000_000_000_000 + at,
        "account_id": "acct",
        "model": MODEL,
        "messages": json.dumps([{"role": "user", "content": prompt}]),
        "response": answer,
        "temperature": 0.7,
        "max_tokens": 300,
        "status": 200,
    }
    return row | more


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Path, Path]:
    """A run's folder and the log that it was made from."""
    history = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y"},
        {"role": "user", "content": "z"},
    ]
    rows = [
        exchange("late", 9, "Last?", "the last answer"),
        exchange("early", 1, "First?", "the first answer", system_prompt="Be exact."),
        exchange("unlike", 2, "Unlike?", "cover traffic"),
        exchange("others", 3, "Private?", "of an innocent"),
        exchange("follows", 4, "", "after y", messages=json.dumps(history)),
        exchange("silent", 5, "Silent?", None),
        exchange("failed", 6, "Failed?", "half an ans", status=500),
        exchange("tools", 7, "Tools?", "call it", tool_count=2),
    ]
    table = pa.Table.from_pylist([dict.fromkeys(EXCHANGE.names) | row for row in rows], schema=EXCHANGE)
    log = tmp_path / "log.parquet"
    pq.write_table(table, log)
    run = tmp_path / "run"
    run.mkdir()
    ids = [*(row["exchange_id"] for row in rows), "gone"]
    marks = {
        "exchange_id": ids,
        "campaign_id": [None if name == "others" else "c1" for name in ids],
        "taken": [0.1 if name == "unlike" else 0.9 for name in ids],
    }
    pq.write_table(pa.table(marks), run / "exchanges.parquet")
    return run, log


def test_what_a_campaign_took_is_read_from_the_run_and_its_log(logged: tuple[Path, Path]) -> None:
    run, log = logged
    read = taken_from_log(run, "c1", open_log([log]))
    assert [each.question.id for each in read.taken] == ["early", "late"]
    assert read.taken[0].prompt == "Be exact.\n\nFirst?"
    assert (read.taken[0].question.temperature, read.taken[0].question.max_tokens) == (0.7, 300)
    assert read.set_aside == {
        "not in the log": 1,
        "its prompt holds an earlier answer": 1,
        "the log has no answer": 1,
        "it failed": 1,
        "it used tools": 1,
    }
    with pytest.raises(UsageError, match="c9"):
        taken_from_log(run, "c9", open_log([log]))
    with pytest.raises(InputError, match="no table of a run's exchanges"):
        taken_from_log(log, "c1", open_log([log]))


def test_a_suspect_is_asked_the_prompts_and_ones_own_model_the_same_again(logged: tuple[Path, Path]) -> None:
    taken = taken_from_log(logged[0], "c1", open_log([logged[1]])).taken
    again, asked = twin_questions(taken, 2), suspect_questions(taken, 3)
    assert [(q.id, q.sample) for q in again] == [("early", 0), ("early", 1), ("late", 0), ("late", 1)]
    assert all(q.temperature == 0.7 for q in again)
    assert [m.role for m in again[0].messages] == ["system", "user"]
    assert len(asked) == 6
    assert all(q.temperature is None and [m.role for m in q.messages] == ["user"] for q in asked)
    assert [m.role for m in suspect_questions(taken, 1, system=True)[0].messages] == ["system", "user"]


def test_twins_that_were_not_drawn_alike_are_set_aside(logged: tuple[Path, Path], tmp_path: Path) -> None:
    taken = (*taken_from_log(logged[0], "c1", open_log([logged[1]])).taken,)
    alone = Taken(Question("alone", ()), "nobody drew again", MODEL)
    first, second, last, _ = twin_questions(taken, 2)
    path = tmp_path / "twins.sealed"
    with open_sealed(path, model="own", seed=1) as sealed:
        sealed.add(second, Answer("early", 1, "twin one", model=MODEL))
        sealed.add(first, Answer("early", 0, "twin nought", model=""))
        sealed.add(last, Answer("late", 0, "of a newer one", model="teacher-2"))
        hotter = Question("late", last.messages, 1, max_tokens=300, temperature=1.0)
        sealed.add(hotter, Answer("late", 1, "hotter", model=MODEL))
        sealed.add(Question("late", last.messages, 2, (), 300, 0.7), Answer("late", 2, finish="failed"))
        sealed.add(Question("none", ()), Answer("none", 0, "who?"))
    made_pairs = pairs_from_sealed((*taken, alone), path)
    (pair,) = made_pairs.pairs
    assert (pair.taken, pair.twins) == ("the first answer", ("twin nought", "twin one"))
    assert made_pairs.set_aside == {
        "twin: drawn from another model or version": 1,
        "twin: asked in other words or under other settings": 1,
        "twin: no whole answer": 1,
        "twin: of no exchange that was taken": 1,
        "taken: without a twin": 2,
    }
