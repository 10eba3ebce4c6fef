"""``python -m bench style``: whom 51 public models write like, each judged with itself left out of the reference set.

Nothing is fitted on the students, so leaving out a student's whole lineage changes nothing; only the choice of features
and of the ridge could have been made by looking at them, and the table of choices shows what each would have given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.tables import OUT, SHARED, Table, publish, say
from stillwatch.calibration import clopper_pearson
from stillwatch.proving.style.answers import Answers, read_answers
from stillwatch.proving.style.deciding import LEVEL, RESAMPLES, Verdict, decide, excess_by_family
from stillwatch.proving.style.features import DEFAULT, FEATURES
from stillwatch.proving.style.likeness import Cosines, cosines
from stillwatch.proving.style.reference import Reference, first_word, read_reference

DATA = SHARED / "provenance"
MAKERS = {
    "gpt": "openai",
    "text": "openai",
    "gemma": "google",
    "gemini": "google",
    "llama": "meta",
    "meta": "meta",
    "mistral": "mistral",
    "mixtral": "mistral",
}
NOTE = "Corroboration, not proof. Intervals: Clopper-Pearson, 95 %, models taken as independent; siblings are not."


@dataclass(frozen=True)
class Material:
    """The reference set and every model's likenesses."""

    reference: Reference
    found: Cosines

    def verdict(self, name: str, maker: str | None = None, absent: Sequence[str] = (), **options: Any) -> Verdict:
        """One model judged, without itself; ``absent`` families are no candidates."""
        model = self.reference.get(name)
        if model is None:
            raise SystemExit(f"no model {name!r} in the reference set")
        kept = [m for m in self.reference.without(name).models if m.role != "candidate" or m.family not in absent]
        return decide(
            self.found, Reference(tuple(kept)), name, maker=model.maker if maker is None else maker, **options
        )

    def of_role(self, role: str) -> list[str]:
        return [model.name for model in self.reference.models if model.role == role]

    def truth(self, name: str) -> tuple[str, ...]:
        model = self.reference.get(name)
        return model.teachers if model is not None else ()

    def makers(self, of: Callable[[str], str]) -> Material:
        models = (msgspec.structs.replace(m, maker=of(m.name)) for m in self.reference.models)
        return replace(self, reference=Reference(tuple(models)))

    def features(self, names: Sequence[str]) -> Material:
        return replace(self, found=replace(self.found, values=self.found.values[[DEFAULT.index(n) for n in names]]))

    def prompts(self, number: int, seed: int) -> Material:
        drawn = np.sort(np.random.default_rng(seed).permutation(len(self.found.prompts))[:number])
        found = self.found
        return replace(
            self,
            found=Cosines(
                found.models, tuple(found.prompts[i] for i in drawn), found.lengths[drawn], found.values[:, drawn]
            ),
        )


def material(folder: Path = DATA) -> Material:
    """Read the folder's ``answers.parquet`` and ``lineage.tsv``; likenesses are kept in ``bench/out``."""
    reference = read_reference(folder / "lineage.tsv", MAKERS)
    answers = read_answers(folder / "answers.parquet")
    return Material(reference, _cosines(folder, answers, reference))


def _cosines(folder: Path, answers: Answers, reference: Reference) -> Cosines:
    names = [model.name for model in reference.models]
    prompts = answers.common(names)
    files = (folder / "answers.parquet", folder / "lineage.tsv")
    versions = "".join(f"{name}{FEATURES.get(name).info.version}" for name in DEFAULT)
    key = hashlib.sha256(b"".join(f.read_bytes() for f in files) + versions.encode()).hexdigest()[:16]
    kept = OUT / f"style-{key}.npz"
    if kept.exists():
        with np.load(kept) as arrays:
            return Cosines(tuple(names), prompts, arrays["lengths"], arrays["values"])
    say(f"comparing {len(names)} models on {len(prompts)} prompts")
    families = {v.name: family for family, of_family in reference.families().items() for v in of_family}
    found = cosines(answers, names, families, prompts)
    OUT.mkdir(parents=True, exist_ok=True)
    np.savez(kept, lengths=found.lengths, values=found.values)
    return found


def share(hits: int, of: int) -> str:
    """``10 of 12 (0.83, 0.52 to 0.98)``."""
    value, low, high = clopper_pearson(hits, of)
    return f"{hits} of {of} ({value:.2f}, {low:.2f} to {high:.2f})" if of else "0 of 0"


def figures(data: Material, students: Mapping[str, Verdict], controls: Mapping[str, Verdict]) -> dict[str, Any]:
    """The three figures that the bars are of, and one vote for each lineage."""
    named = {name: verdict for name, verdict in students.items() if verdict.nearest is not None}
    right = {name: verdict.nearest in data.truth(name) for name, verdict in named.items()}
    lineages = {first_word(name) for name in named}
    votes = [np.mean([ok for name, ok in right.items() if first_word(name) == one]) for one in sorted(lineages)]
    return {
        "students answered": share(len(named), len(students)),
        "right where answered": share(sum(right.values()), len(named)),
        "lineages right": f"{sum(votes):.1f} of {len(lineages)}",
        "controls none": share(sum(v.nearest is None for v in controls.values()), len(controls)),
        "leads right": f"{sum(v.leads in data.truth(n) for n, v in students.items())} of {len(students)}",
    }


def judged(data: Material, names: Iterable[str], **options: Any) -> dict[str, Verdict]:
    return {name: data.verdict(name, **options) for name in names}


def bars(data: Material) -> tuple[Table, Table]:
    """Issue 11's three figures, by what is known of makers; and every model on a line."""
    rules: dict[str, Callable[[str], str]] = {
        "makers known": lambda name: MAKERS.get(first_word(name), first_word(name)),
        "makers by first word of the name": first_word,
        "makers unknown": lambda name: "",
    }
    rows, lines = [], []
    for rule, of in rules.items():
        under = data.makers(of)
        students, controls = (judged(under, under.of_role(role)) for role in ("student", "control"))
        rows.append({"own maker's candidates left out": rule} | figures(under, students, controls))
        for level in (0.1,):
            stricter = [{n: _at(v, level) for n, v in verdicts.items()} for verdicts in (students, controls)]
            rows.append({"own maker's candidates left out": f"{rule}, level {level:g}"} | figures(under, *stricter))
        if rule == "makers known":
            over = {n: excess_by_family(under.found, under.reference.without(n), n, _maker(under, n)) for n in students}
            verdicts = [under.verdict(n, students=_others(over, n)) for n in (*students, *controls)]
            lines = [_line(under, verdict) for verdict in verdicts]
    note = f"{NOTE} Level {LEVEL:g} unless said, {RESAMPLES} resamples; bars: 0.4, 0.7 and 0.8."
    return (
        Table("style", "Nearest teacher: 20 students, 9 controls, leave one model out", rows, note),
        Table("style-models", "Nearest teacher: every model", lines, NOTE),
    )


def _at(verdict: Verdict, level: float) -> Verdict:
    nearest = verdict.nearest if verdict.conformal_p <= level else None
    return msgspec.structs.replace(verdict, nearest=nearest, level=level)


def _maker(data: Material, name: str) -> str:
    model = data.reference.get(name)
    return model.maker if model is not None else ""


def _others(over: Mapping[str, Mapping[str, float]], name: str) -> dict[str, Mapping[str, float]]:
    """Known students but the suspect's own lineage, which it would know in no real case."""
    return {other: of for other, of in over.items() if first_word(other) != first_word(name)}


def _line(data: Material, verdict: Verdict) -> dict[str, Any]:
    truth = data.truth(verdict.suspect)
    second = sorted(verdict.excess, key=lambda family: -verdict.excess[family])[1]
    return {
        "model": verdict.suspect,
        "taught by": ", ".join(truth) or "none of these",
        "answer": verdict.nearest or "none of these",
        "right": "yes" if verdict.nearest in truth or (not truth and verdict.nearest is None) else "no",
        "leads": verdict.leads,
        "second": second,
        "p": verdict.conformal_p,
        "stability": verdict.stability,
        "p among students of others": verdict.students_p,
    }


def versions(data: Material) -> Table:
    """Is a version of a model recognised by its family's others?"""
    families = data.reference.families()
    rows = []
    for family, of_family in families.items():
        if len(of_family) < 2:
            continue
        verdicts = judged(data, (v.name for v in of_family), maker="", resamples=20)
        rows.append(
            {"family": family, "recognised": share(sum(v.nearest == family for v in verdicts.values()), len(verdicts))}
        )
    note = f"{NOTE} The left-out version still counted in the weights of marks, which it can only lower."
    return Table("style-versions", "A candidate's version, judged by the rest of its family", rows, note)


def absent(data: Material) -> Table:
    """What is said where the true teachers are no candidates: the honest answer is none."""
    verdicts = [data.verdict(n, absent=data.truth(n), resamples=50) for n in data.of_role("student")]
    named: dict[str, int] = {}
    for verdict in verdicts:
        answer = verdict.nearest or "none of these"
        named[answer] = named.get(answer, 0) + 1
    rows = [{"none": share(named.get("none of these", 0), len(verdicts)), "answers": named}]
    return Table("style-absent", "Students whose teachers are left out of the candidates", rows, NOTE)


def prompts(data: Material) -> Table:
    """What fewer prompts cost: three draws each."""
    rows = []
    for number in (50, 100, 200, 400):
        for seed in range(3):
            fewer = data.prompts(number, seed)
            parts = (judged(fewer, fewer.of_role(role), resamples=50) for role in ("student", "control"))
            rows.append({"prompts": number, "draw": seed} | figures(fewer, *parts))
    return Table("style-prompts", "Fewer prompts", rows, NOTE)


def choices(data: Material) -> Table:
    """Other features and ridges; and the one that the other lineages would have chosen, for each lineage."""
    wordings = DEFAULT[:3]
    options: dict[str, tuple[Sequence[str], float]] = {
        "as published": (DEFAULT, 0.1),
        "ridge 0.03": (DEFAULT, 0.03),
        "ridge 0.3": (DEFAULT, 0.3),
        "no ends": (wordings, 0.1),
        "ends only": (DEFAULT[3:], 0.1),
        **{f"without {name}": ([n for n in DEFAULT if n != name], 0.1) for name in DEFAULT},
    }
    every: dict[str, dict[str, Verdict]] = {}
    rows = []
    for option, (names, ridge) in options.items():
        under = data.features(names)
        every[option] = judged(under, under.of_role("student"), ridge=ridge, resamples=20)
        controls = judged(under, under.of_role("control"), ridge=ridge, resamples=20)
        rows.append({"choice": option} | figures(under, every[option], controls))
    rows.append({"choice": "chosen by the other lineages"} | figures(data, _nested(data, every), {}))
    note = f"{NOTE} The last row: for each lineage the choice with most right less wrong answers on all others."
    return Table("style-choices", "What other choices would have given", rows, note)


def _nested(data: Material, every: Mapping[str, Mapping[str, Verdict]]) -> dict[str, Verdict]:
    def worth(option: str, lineage: str) -> int:
        others = [v for n, v in every[option].items() if first_word(n) != lineage and v.nearest is not None]
        return sum(1 if v.nearest in data.truth(v.suspect) else -1 for v in others)

    chosen = {}
    for name in data.of_role("student"):
        best = max(every, key=lambda option: worth(option, first_word(name)))
        chosen[name] = every[best][name]
    return chosen


def main() -> None:
    """Print and keep all tables of style; says so where the data is not there."""
    if not (DATA / "answers.parquet").exists():
        say(f"skipped style: {DATA} is not there")
        return
    data = material()
    for table in bars(data):
        publish(table)
    for make in (versions, absent, prompts, choices):
        publish(make(data))


if __name__ == "__main__":
    main()
