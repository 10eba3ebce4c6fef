"""N-gram models of `ngram_students` in folders, as suspects that can be read: weights in safetensors, a tokenizer.

They are asked in a template of their own (two tokens that begin an answer) and give real probabilities; only what they
learnt is small. `case` makes a whole case around such a world, with marked answers and twins, and answers to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from bench.ngram_students import Floats, Ints, Student, Teacher, write
from stillwatch.asking.base import Message
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keyring import MASTER, Keyring
from stillwatch.marks.openings import open_key
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.statements import as_json, make_statement
from stillwatch.storage.whole import write_key

VOCABULARY = 60
BEGIN = np.array([VOCABULARY - 2, VOCABULARY - 1])
"""What stands before each answer of such a model."""
MARCH = 1_772_323_200_000_000
"""2026-03-01 00:00:00 UTC, in microseconds: when the key is committed to."""
DAY = 86_400_000_000
TOLD = """\
[claim]
suspect = "Acme {suspect}"
model = "Example-1"
by = "Example AI"

[marks]
openings = ["opening.json"]
statement = "statement.json"
marked = "marked.jsonl"
tokenizer = "teacher/tokenizer.json"
reference = "unmarked.jsonl"
windows = 500
decoys = 40
reference_model = "teacher"

[twins]
pairs = "pairs.jsonl"
reference_model = "teacher"

[asking]
samples = 1
"""


def tokenizer(vocabulary: int = VOCABULARY, *, words: str = "w") -> Tokenizer:
    """A token is a word: ``w0``, ``w1``, …"""
    made = Tokenizer(models.WordLevel({f"{words}{i}": i for i in range(vocabulary)} | {"?": vocabulary}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def save(folder: Path, model: Teacher | Student, words: Tokenizer | None = None) -> Path:
    """Write a model into ``folder``."""
    folder.mkdir(parents=True)
    windows = np.stack(np.divmod(np.arange(VOCABULARY**2), VOCABULARY), axis=1)
    save_file({"next": model.probabilities(windows).astype(np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "ngram", "order": 2}))
    (words or tokenizer()).save(str(folder / "tokenizer.json"))
    return folder


class FolderModel:
    """`readings.base.OpenModel` of such a folder. ``reads`` counts how often it was read."""

    def __init__(self, folder: Path, device: str = "") -> None:
        self._next: NDArray[np.float32] = load_file(folder / "model.safetensors")["next"]
        self._words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.reads = 0

    def read(self, tokens: Ints, positions: Ints) -> Floats:
        """As `NextTokens.read`."""
        self.reads += 1
        return self._next[tokens[positions - 2] * VOCABULARY + tokens[positions - 1]].astype(np.float64)

    def given(self, turns: Sequence[Message]) -> Ints:
        """The words of all turns, and what begins an answer."""
        return np.concatenate([*(self.encoded(turn.text) for turn in turns), BEGIN])

    def encoded(self, text: str) -> Ints:
        """Words it does not know are left out."""
        ids = np.asarray(self._words.encode(text).ids, dtype=np.int64)
        return ids[ids < VOCABULARY]

    def logs(self, tokens: Ints, start: int) -> Floats:
        """As `OpenModel.logs`."""
        positions = np.arange(start, len(tokens))
        return np.log(self.read(tokens, positions)[np.arange(len(positions)), tokens[start:]])


class World(NamedTuple):
    """A case in ``folder``: its key, and which answers were marked, taken, or their twins, in tokens."""

    folder: Path
    key: MarkKey
    marked: Ints
    taken: Ints
    twins: Ints


def case(
    folder: Path, seed: int = 1, scheme: str = "gumbel", texts: int = 60, pairs: int = 60, never: int = 24
) -> World:
    """Write a case, its models (``teacher``, ``copy``, ``honest``) and what each suspect answers, into ``folder``.

    ``copy`` learnt from the marked and the taken answers, among others; ``honest`` from as many others.
    """
    rng, teacher = np.random.default_rng((31, seed)), Teacher(VOCABULARY, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(folder, seed, scheme)
    plain, others = write(teacher, 300, 100, rng), write(teacher, 100, 100, rng)
    marked = write(teacher, texts, 100, rng, scheme_named(scheme), [key.secret] * texts)
    taken, twins = write(teacher, pairs + never, 40, rng), write(teacher, pairs + never, 40, rng)
    prompts = [words(row) for row in rng.integers(0, VOCABULARY, (texts + pairs + never, 9))]
    _lines(folder / "marked.jsonl", (
        {"prompt": prompt, "answer": words(row), "marks": {"key": key.id}, "at": "2026-03-02T12:00:00Z"}
        for prompt, row in zip(prompts, marked, strict=False)
    ))  # fmt: skip
    _lines(folder / "unmarked.jsonl", ({"prompt": "w1", "answer": words(row)} for row in others[:20]))
    _lines(folder / "pairs.jsonl", (
        {"prompt_id": f"p{i}", "prompt": prompts[texts + i], "taken": words(one), "twins": [words(other)],
         "control": i >= pairs}
        for i, (one, other) in enumerate(zip(taken, twins, strict=True))
    ))  # fmt: skip
    suspects = {
        "copy": Student([plain, marked, taken[:pairs]], VOCABULARY),
        "honest": Student([plain, others], VOCABULARY),
    }
    save(folder / "teacher", teacher)
    for name, suspect in suspects.items():
        save(folder / name, suspect)
        (folder / f"{name}.toml").write_text(TOLD.format(suspect=name))
        said = suspect.answers(len(prompts), 60, rng)
        _lines(folder / f"{name}.jsonl", (
            {"prompt": prompt, "answer": words(row)} for prompt, row in zip(prompts, said, strict=True)
        ))  # fmt: skip
    return World(folder, key, marked, taken, twins)


def words(tokens: Ints) -> str:
    """Tokens (length,) as a text."""
    return " ".join(f"w{token}" for token in tokens.tolist())


def _key(folder: Path, seed: int, scheme: str) -> MarkKey:
    """Commit to a key, publish the statement, retire the key, and lay it open."""
    (folder / "keys").mkdir()
    write_key(folder / "keys" / MASTER, hashlib.sha256(f"n-gram master {seed}".encode()).digest())
    ring = Keyring(folder / "keys")
    key = ring.commit(scheme, "campaign", "C1", at=MARCH)
    (folder / "statement.json").write_bytes(as_json(make_statement(ring.register.read(), by="Example AI", at=MARCH)))
    ring.rotate(scheme, "campaign", "C1", why="going to court", at=MARCH + 90 * DAY)
    retired, period = ring.detect(key.id)
    opening = open_key(retired, period.entry, retired=True)
    (folder / "opening.json").write_bytes(msgspec.json.encode(opening))
    return key


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
