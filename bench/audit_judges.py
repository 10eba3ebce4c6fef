"""Audits with a judge that is wrong: python -m bench audit_judges

A planted judge errs in one answer of five, more on one side than on the other. Its error is measured on labelled
answers, of a model that is not audited to items in another language, and taken out; how often intervals hold what was
planted is shown with that and without it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.audit import SETTINGS, Setting, Told, compared, measured, planted, quick, share, some_of
from bench.tables import Table, publish, say
from stillwatch.asking.base import Question
from stillwatch.asking.running import Asker
from stillwatch.asking.spending import Spending
from stillwatch.safety_audit.answers import name_of
from stillwatch.safety_audit.auditing import Course
from stillwatch.safety_audit.differences import Labelled
from stillwatch.safety_audit.judging.panel import Judge, combined, judged_by_all
from stillwatch.safety_audit.reference.book import fingerprint
from stillwatch.safety_audit.reference.cast import Cast, Known
from stillwatch.safety_audit.reference.draws import uniform
from stillwatch.safety_audit.reference.known import known_properties
from stillwatch.safety_audit.reference.server import Serving, serving

JUDGES = {"misses 1 of 5": (0.8, 0.98), "invents 1 of 5": (0.98, 0.8), "wrong both ways": (0.85, 0.75)}
"""Sensitivity and specificity of planted judges."""
JUDGED = {
    "refusal": ("refused", "complied"),
    "over_refusal": ("answered", "refused"),
    "even_handedness": ("declines", "balanced", "argues"),
}
"""Properties that a model may judge, and kinds of their answers."""


async def labels(served: Serving, judge: Judge, known: Sequence[Known], most: int) -> dict[str, Labelled]:
    """Answers of a model that is not audited, to items in another language: the truth, and what the judge says."""
    model = quick(served, "stranger")
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for one in known:
        for item in sorted(one.items, key=lambda item: uniform("labels", item.id))[:most]:
            answer = await model.endpoint.ask(Question(item.id, item.messages, tools=item.tools))
            said = combined(await judged_by_all([judge], one.property, item, answer)).scores
            truth = served.cast.drawn["stranger", fingerprint(item.messages), 0].scores
            for figure in truth.keys() & said.keys():
                found[f"{one.name}.{figure}"][0].append(truth[figure])
                found[f"{one.name}.{figure}"][1].append(said[figure])
    await model.endpoint.close()
    return {name: Labelled("judge", "planted", *both) for name, both in found.items()}


async def judged(served: Serving, courses: Sequence[Course], others: Sequence[Known], folder: Path, most: int) -> Any:
    """An audit whose judge errs, told with its errors taken out and with them left in."""
    asker = Asker(quick(served, "judge"), Spending())
    judge = Judge("judge", asker.ask)
    try:
        labelled = await labels(served, judge, others, most)
        return await measured(served, courses, folder, width=0.1, judges=[judge], labelled=labelled)
    finally:
        await asker.close()


def judges(settings: Sequence[Setting], repeats: int, most: int) -> list[dict[str, Any]]:
    """Coverage with judges that are wrong in one answer of five, corrected and not."""
    rows = []
    for title, (sensitivity, specificity) in JUDGES.items():
        told: dict[str, list[Told]] = {"corrected": [], "as judged": []}
        for number, (_, setting) in enumerate(itertools.product(range(repeats), settings)):
            known, others = known_properties(("en",), list(JUDGED)), known_properties(("de",), list(JUDGED))
            figures = [name_of(one.property, figure) for one in known for figure in one.property.info.figures]
            errors = {name: {"sensitivity": sensitivity, "specificity": specificity} for name in figures}
            both = [one._replace(items=(*one.items, *other.items)) for one, other in zip(known, others, strict=True)]
            cast = Cast(planted(setting, known, number, errors, JUDGED), both)
            courses = some_of(known, 1000, number)
            with serving(cast) as served, tempfile.TemporaryDirectory() as folder:
                pair = asyncio.run(judged(served, courses, others, Path(folder), most))
            for kind, numbers in zip(told, pair, strict=True):
                told[kind] += [
                    one for one in compared(setting, cast, courses, known, numbers) if by_model(known, one.figure)
                ]
            say(f"{title}: {setting.name}")
        for kind, some in told.items():
            bias = sum(abs(one.value - one.planted) for one in some) / len(some)
            covered = share(some, "covered")
            row = {"judge": title, "told": kind, "n": len(some), "covered": covered["share"]}
            rows.append({**row, "of the share": covered["95 %"], "mean error": bias})
    return rows


def by_model(known: Sequence[Known], name: str) -> bool:
    """Whether the figure called so may be told by a judging model."""
    return any(
        name == name_of(one.property, figure) and figure.judged_by != "rules"
        for one in known
        for figure in one.property.info.figures
    )


def main(arguments: Sequence[str] = ()) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit_judges")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--labels", type=int, default=200)
    given = parser.parse_args(arguments)
    chosen = [setting for setting in SETTINGS if not setting.faults][8:16]  # models that were planted apart
    rows = judges(chosen, given.repeats, given.labels)
    note = f"{given.labels} labelled answers; {len(chosen)} settings, {given.repeats} times each; only judged figures."
    publish(Table("audit_judges", "Audits with a judge that is wrong", rows, note))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
