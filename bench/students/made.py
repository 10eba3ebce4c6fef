"""What is made for the tables: a teacher, what was taken from it, and students; each once, in files of a folder.

People's text teaches the teacher. A *campaign* takes its answers to some thousand prompts, of which shares are marked
under keys of their own; *twins* are its answers to other prompts, each drawn many times. Students learn from the one or
the other. All of it follows from seeds; a run that was killed goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bench.students.models import Ids, Text, answers, ids_of, load, new_model, save, teach, text_of, tokenizer_of
from bench.students.problems import Problem, problems, reworded
from bench.tables import say
from stillwatch.marks.base import MarkKey
from stillwatch.marks.keys import key_id

LARGE, USUAL, SMALL = "0.75 M", "0.45 M", "0.2 M"
SHARES = {
    "sparse": {
        ("gumbel", 0.1), ("gumbel", 0.03), ("gumbel", 0.01), ("gumbel", 0.003), ("tournament", 0.1),
        ("tournament", 0.03), ("red_green", 0.1), ("red_green", 0.03),
    },
    "dense": {("gumbel", 0.3), ("tournament", 0.3), ("red_green", 0.3)},
    "kept back": {("gumbel", 0.1), ("tournament", 0.1), ("red_green", 0.1)},
}  # fmt: skip
"""Three campaigns: which share of the answers each key marked. Keys are independent, so each is a case of its own, with
all other answers as what else the student learnt from. The last, with prompts, answers and
keys of its own, was made before the tests were settled, and looked at once after."""
ASKED_OF = {"sparse": 2, "dense": 2, "kept back": 7}
"""Seeds of the campaigns' prompts."""
KEPT_BACK = ("taken, kept back", "twin, kept back", "taken, last", "twin, last")
"""Answers that were taken, and their twins, of other prompts and draws. The last two were made when it was settled that
one measure decides at temperature 0, after the first two had been looked at."""
NULLS = 20


@dataclass(frozen=True)
class Scale:
    """How much is made; ``whole`` is what the tables are of."""

    people: int = 12_000
    taught: int = 3
    campaign: int = 6_000
    learnt: int = 4
    twins: int = 2_000
    controls: int = 300
    rounds: int = 10
    of_nulls: int = 600
    asked: int = 5_000


WHOLE = Scale()


class Student(NamedTuple):
    """Who learns from what: ``learns`` names texts, ``kept`` the epochs after which a copy is kept, ``base`` what it
    was before."""

    size: str
    learns: str
    kept: tuple[int, ...]
    base: str = ""


class World:
    """Everything that was made in ``folder``; what is asked for and not there yet is made."""

    def __init__(self, folder: Path, scale: Scale = WHOLE) -> None:
        self.folder, self.scale = folder, scale
        folder.mkdir(parents=True, exist_ok=True)

    @cached_property
    def people(self) -> list[Problem]:
        """What people wrote; the teacher's part first, then the base's, as many."""
        return problems(np.random.default_rng(1), 2 * self.scale.people)

    @cached_property
    def tokens(self) -> Any:
        """The tokenizer of all models here."""
        return tokenizer_of([f"{p.prompt} {p.answer}" for p in self.people[:4000]])

    @cached_property
    def students(self) -> dict[str, Student]:
        """All students, those of a base after it."""
        learnt, rounds = self.scale.learnt, self.scale.rounds
        some = tuple(sorted({1, max(learnt // 2, 1), learnt}))
        few, tuned = tuple(sorted({min(3, rounds), min(5, rounds), rounds})), (1, 3)
        made = {
            "marked": Student(USUAL, "sparse", some),
            "marked, densely": Student(USUAL, "dense", (learnt,)),
            "taken": Student(USUAL, "taken", few),
            "twin": Student(USUAL, "twin", few),
            "base": Student(USUAL, "base", (2,)),
            "tuned on taken": Student(USUAL, "taken", tuned, "base/2"),
            "tuned on twin": Student(USUAL, "twin", tuned, "base/2"),
        }
        made |= {f"null {n}": Student(USUAL, f"null {n}", (5,)) for n in range(NULLS)}
        return made | {
            "marked, longer": Student(USUAL, "sparse", (2 * learnt, 3 * learnt)),
            "marked, kept back": Student(USUAL, "kept back", (learnt, 2 * learnt, 3 * learnt)),
            "taken, kept back": Student(USUAL, "taken, kept back", few),
            "twin, kept back": Student(USUAL, "twin, kept back", few),
            "taken, last": Student(USUAL, "taken, last", few),
            "twin, last": Student(USUAL, "twin, last", few),
            "marked, small": Student(SMALL, "sparse", (learnt,)),
            "marked, then others": Student(USUAL, "afterwards", (2,), f"marked/{learnt}"),
            "taken, small": Student(SMALL, "taken", few),
            "taken, large": Student(LARGE, "taken", few),
            "marked, reworded": Student(USUAL, "sparse reworded", (learnt,)),
            "taken, half reworded": Student(USUAL, "taken half reworded", few),
            "taken, all reworded": Student(USUAL, "taken all reworded", few),
            "marked, a quarter taken": Student(USUAL, "quarter", (learnt,)),
        }

    def model(self, name: str) -> Any:
        """The teacher, or ``student/epoch``; it is taught where that was not done yet."""
        if not (self.folder / name / "config.json").is_file():
            student, _, _ = name.partition("/")
            if student == "teacher":
                self._teach("teacher", Student(USUAL, "people", (self.scale.taught,)))
            else:
                self._teach(student, self.students[student])
        return load(self.folder / name)

    @property
    def teacher(self) -> str:
        """The teacher's name."""
        return f"teacher/{self.scale.taught}"

    def texts(self, name: str) -> list[Text]:
        """Texts that somebody learns from."""
        scale = self.scale
        if name in ("people", "base", "afterwards"):
            start = 0 if name == "people" else scale.people
            number = scale.people if name == "people" else scale.campaign // (1 if name == "base" else 2)
            return self._coded(self.people[start : start + number])
        if name in SHARES:
            return [Text(tuple(p), tuple(a)) for p, a in self._kept(name, lambda: self._campaign(name))]
        if name == "quarter":
            return self.texts("sparse")[: scale.campaign // 4]
        if name.endswith("reworded"):
            return self._reworded(self.texts(name.split()[0]), 0.5 if name != "taken all reworded" else 1.0)
        if name in ("taken", "twin"):
            return self.drawn(("taken", "twin").index(name), scale.twins)
        if name in KEPT_BACK:
            return self.drawn(30 + KEPT_BACK.index(name), scale.twins, asked_of=8 + KEPT_BACK.index(name) // 2)
        return self.drawn(2 + int(name.removeprefix("null ")), scale.of_nulls)

    def drawn(self, number: int, prompts: int, asked_of: int = 3) -> list[Text]:
        """The teacher's answers to the prompts of the twins, drawn for the ``number``-th time."""
        asked = self._prompts(asked_of, self.scale.twins)[:prompts]
        return self._answered(f"drawn-{number}-{prompts}", asked, 100 + number)

    def controls(self) -> tuple[list[Text], list[Text]]:
        """Prompts that nobody took, each answered twice by the teacher."""
        asked = self._prompts(4, self.scale.controls)
        return self._answered("controls-0", asked, 90), self._answered("controls-1", asked, 91)

    def said(self, name: str, asked: Sequence[Ids], temperature: float = 1.0, sample: int = 0) -> list[Ids]:
        """What ``student/epoch`` says to each prompt."""
        which = f"{zlib.crc32(repr(list(asked)).encode()):08x}-{temperature:g}-{sample}"
        made = self._kept(
            f"said-{name.replace('/', '-')}-{which}",
            lambda: answers(self.model(name), asked, 200 + sample, temperature),
        )
        return [tuple(answer) for answer in made]

    def keys(self, campaign: str) -> dict[tuple[str, float], MarkKey]:
        """The keys of a campaign, by scheme and share."""
        return {each: _key(number, *each) for number, each in enumerate(sorted(SHARES[campaign]))}

    def marked(self, campaign: str, of: tuple[str, float] | None, texts: Sequence[Text]) -> list[Text]:
        """Those of a campaign's ``texts`` that were marked under one of its keys (None: under none)."""
        return [text for text, each in zip(texts, self._assigned(campaign), strict=False) if each == of]

    def text(self, ids: Ids) -> str:
        """Tokens as text."""
        return text_of(self.tokens, ids)

    def _campaign(self, name: str) -> list[list[Ids]]:
        asked, keys = self._prompts(ASKED_OF[name], self.scale.campaign), self.keys(name)
        of = [keys.get(each) if each else None for each in self._assigned(name)]
        said = answers(self.model(self.teacher), asked, 50 + len(name), keys=of)
        return [[prompt, answer] for prompt, answer in zip(asked, said, strict=True)]

    def _assigned(self, campaign: str) -> list[tuple[str, float] | None]:
        n = self.scale.campaign
        each: list[tuple[str, float] | None] = [None] * n
        places = np.random.default_rng(5).permutation(n).tolist()
        for of in sorted(SHARES[campaign]):
            for _ in range(round(of[1] * n)):
                each[places.pop()] = of
        return each

    def _prompts(self, seed: int, n: int) -> list[Ids]:
        return ids_of(self.tokens, [p.prompt for p in problems(np.random.default_rng(seed), n)])

    def _coded(self, written: Sequence[Problem]) -> list[Text]:
        asked = ids_of(self.tokens, [p.prompt for p in written])
        said = ids_of(self.tokens, [p.answer for p in written], end=True)
        return [Text(*each) for each in zip(asked, said, strict=True)]

    def _reworded(self, texts: Sequence[Text], rate: float) -> list[Text]:
        rng = np.random.default_rng(6)
        said = ids_of(self.tokens, [reworded(self.text(t.answer), rng, rate) for t in texts], end=True)
        return [Text(text.prompt, answer) for text, answer in zip(texts, said, strict=True)]

    def _answered(self, name: str, asked: Sequence[Ids], seed: int) -> list[Text]:
        """The teacher's answers, kept under a name."""
        said = self._kept(name, lambda: answers(self.model(self.teacher), asked, seed))
        return [Text(prompt, tuple(answer)) for prompt, answer in zip(asked, said, strict=True)]

    def _kept(self, name: str, make: Callable[[], Iterable[Any]]) -> Any:
        """What ``make`` gives, from the file where it is there."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            say(f"texts: {name}")
            part = path.with_suffix(f".{os.getpid()}.part")
            part.write_bytes(msgspec.json.encode(list(make())))
            part.replace(path)
        return msgspec.json.decode(path.read_bytes())

    def _teach(self, name: str, student: Student) -> None:
        model = self.model(student.base) if student.base else new_model(student.size, zlib.crc32(name.encode()))
        texts = self.texts(student.learns)

        def keep(epoch: int) -> None:
            if epoch in student.kept:
                part = self.folder / name / f"{epoch}.part"
                save(model, part)
                shutil.rmtree(self.folder / name / str(epoch), ignore_errors=True)
                part.rename(self.folder / name / str(epoch))

        loss = teach(model, texts, max(student.kept), 8, keep)
        say(f"{name}: {len(texts):,} texts, {max(student.kept)} epochs, loss {loss:.3f}")
        (self.folder / name / "loss.json").write_text(json.dumps({"loss": loss, "texts": len(texts)}), encoding="utf-8")


def _key(number: int, scheme: str, share: float) -> MarkKey:
    """A key for simulations: whoever knows the number knows the secret."""
    secret = np.random.default_rng((712, number, round(share * 1000))).bytes(32)
    return MarkKey(id=key_id(secret), secret=secret, scheme=scheme, scope="campaign", about=f"{share:.1%}", epoch=0)
