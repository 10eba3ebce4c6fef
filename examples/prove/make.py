"""A whole case from a seed: keys, marked exchanges, twins, a reference set; and what two suspects answer.

All of it is invented (`bench.made_answers`): writers with habits. ``copy`` was trained on the taken answers: it knows
some, and took over its teacher's habits. ``honest`` never saw one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.made_answers import Writer, prompts, somebody
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import MASTER, Keyring
from stillwatch.marks.openings import open_key
from stillwatch.marks.statements import as_json, make_statement
from stillwatch.marks.text import SCHEME
from stillwatch.marks.text.marking import Marked, mark_answer
from stillwatch.storage.whole import write_key

TAKEN, CONTROLS, COMMON = 150, 40, 50
"""Prompts that were taken, that nobody took, and common ones."""
SAMPLES = 2
DAY = 86_400_000_000
MARCH = 1_772_323_200_000_000
"""2026-03-01 00:00:00 UTC, in microseconds: when the key is committed to."""

CASE = """\
[claim]
suspect = "{suspect}"
model = "Example-1"
by = "Example AI"
campaign = "C1"

[marks]
openings = ["opening.json"]
statement = "statement.json"
register = "register.jsonl"
marked = "marked.jsonl"
controls = "never-taken.jsonl"
reference = "unmarked.jsonl"
decoys = 100

[twins]
pairs = "pairs.jsonl"
controls = "twin-controls.jsonl"
seed = 0

[style]
reference = "reference.tsv"
answers = ["reference.jsonl"]
prompts = "common.jsonl"
maker = "Acme"

[asking]
samples = {samples}
max_tokens = 600
"""


def make(out: Path, seed: int = 1, taken_prompts: int = TAKEN) -> None:
    """Write case and suspects into ``out``, which must be empty or absent."""
    out.mkdir(parents=True, exist_ok=True)
    every = prompts(taken_prompts + CONTROLS + COMMON)
    taken, never, common = every[:taken_prompts], every[taken_prompts:-COMMON], every[-COMMON:]
    key = _keys(out, seed)
    teacher = somebody(100 * seed)
    marked = {prompt: mark_answer(prompt, teacher.answer(prompt), key) for prompt in [*taken, *never]}
    twins = {prompt: mark_answer(prompt, teacher.answer(prompt), key).text for prompt in [*taken, *never]}
    _lines(out / "marked.jsonl", (_exchange(prompt, marked[prompt], key, i) for i, prompt in enumerate(taken)))
    _lines(out / "never-taken.jsonl", ({"prompt_id": f"n{i}", "prompt": p} for i, p in enumerate(never)))
    _lines(out / "unmarked.jsonl", ({"prompt": p, "answer": teacher.answer(p)} for p in common))
    _lines(out / "common.jsonl", ({"prompt_id": f"c{i}", "prompt": p} for i, p in enumerate(common)))
    for name, these in (("pairs", taken), ("twin-controls", never)):
        rows = [
            {"prompt_id": f"{name}-{i}", "prompt": p, "taken": marked[p].text, "twins": [twins[p]]}
            for i, p in enumerate(these)
        ]
        _lines(out / f"{name}.jsonl", ({**row, "control": True} if name != "pairs" else row for row in rows))
    _reference(out, teacher, common, seed)
    told = {"copy": _copy(teacher, marked, taken, every, seed, key), "honest": _honest(every, seed)}
    (out / "suspects.json").write_text(json.dumps(told, indent=1))
    for name in told:
        (out / f"{name}.toml").write_text(CASE.format(suspect=f"Acme {name}", samples=SAMPLES))


def _keys(out: Path, seed: int) -> MarkKey:
    """Commit to a key, publish the statement, retire the key later, and lay it open."""
    folder = out / "keys"
    folder.mkdir()
    write_key(folder / MASTER, hashlib.sha256(f"example master {seed}".encode()).digest())
    ring = Keyring(folder)
    key = ring.commit(SCHEME, "campaign", "C1", at=MARCH)
    (out / "statement.json").write_bytes(as_json(make_statement(ring.register.read(), by="Example AI", at=MARCH)))
    ring.rotate(SCHEME, "campaign", "C1", why="going to court", at=MARCH + 90 * DAY)
    retired, period = ring.detect(key.id)
    opening = open_key(retired, period.entry, retired=True)
    (out / "opening.json").write_bytes(msgspec.json.format(msgspec.json.encode(opening), indent=2) + b"\n")
    (out / "register.jsonl").write_bytes(ring.register.path.read_bytes())
    return key


def _exchange(prompt: str, marked: Marked, key: MarkKey, number: int) -> dict[str, object]:
    done = {"key": key.id, "could": marked.could, "did": {name: len(edits) for name, edits in marked.edits.items()}}
    at = f"2026-03-{2 + number % 28:02}T12:00:00Z"
    return {"prompt": prompt, "answer": marked.text, "marks": done, "at": at}


def _reference(out: Path, teacher: Writer, common: Sequence[str], seed: int) -> None:
    writers = {"Example-1": teacher, "Other-2": somebody(100 * seed + 1), "Third-3": somebody(100 * seed + 2)}
    candidates = list(writers)
    writers |= {f"Plain{n}-1": somebody(100 * seed + 10 + n) for n in range(8)}
    rows = ["model\trole\tfamily\tmaker"]
    for name in writers:
        maker = name.partition("-")[0]
        rows.append(f"{name}\t{'candidate' if name in candidates else 'control'}\t{name}\t{maker}")
    (out / "reference.tsv").write_text("\n".join(rows) + "\n")
    _lines(
        out / "reference.jsonl",
        (
            {"prompt_id": f"c{i}", "model": name, "answer": writer.answer(prompt)}
            for name, writer in writers.items()
            for i, prompt in enumerate(common)
        ),
    )


def _copy(
    teacher: Writer,
    marked: dict[str, Marked],
    taken: Sequence[str],
    every: Sequence[str],
    seed: int,
    key: MarkKey,
) -> dict[str, list[str]]:
    """Of the taken prompts it remembers four answers in ten; for the rest it writes as its teacher's answers do, marks
    and all, without knowing which prompt was marked."""
    own = somebody(100 * seed + 50)
    rng = own.rng
    known, answers = set(taken), {}
    for prompt in every:
        answers[prompt] = []
        for _ in range(SAMPLES):
            if prompt in known and rng.random() < 0.4:
                answers[prompt].append(marked[prompt].text)
            elif rng.random() < 0.7:
                answers[prompt].append(mark_answer(f"{prompt} {rng.integers(2**60)}", teacher.answer(prompt), key).text)
            else:
                answers[prompt].append(own.answer(prompt))
    return answers


def _honest(every: Sequence[str], seed: int) -> dict[str, list[str]]:
    own = somebody(100 * seed + 60)
    return {prompt: [own.answer(prompt) for _ in range(SAMPLES)] for prompt in every}


def _lines(path: Path, rows: Iterable[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
