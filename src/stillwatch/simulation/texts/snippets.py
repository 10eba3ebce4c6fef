"""Pieces of code and small tables. Code comes from the running Python's standard library (PSF licence), read at run
time.

Nothing is copied into the project: another Python version therefore simulates slightly other code texts.
"""

from __future__ import annotations

import ast
import bisect
import calendar
import colorsys
import csv
import difflib
import fnmatch
import fractions
import functools
import heapq
import inspect
import json
import linecache
import shlex
import shutil
import statistics
import string
import textwrap
from random import Random
from types import ModuleType

MODULES: tuple[ModuleType, ...] = (
    ast,
    bisect,
    calendar,
    colorsys,
    csv,
    difflib,
    fnmatch,
    fractions,
    functools,
    heapq,
    json,
    shlex,
    shutil,
    statistics,
    string,
    textwrap,
)
LONGEST = 900  # characters: a snippet that a person would paste, not a whole class


@functools.cache
def standard_library() -> tuple[str, ...]:
    """Sources of public functions of a few standard modules, each at most ``LONGEST`` characters; sorted, so stable.

    Empty where an interpreter ships without sources; ``snippet`` then falls back to invented code.
    """
    found: set[str] = set()
    for module in MODULES:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            try:
                source = textwrap.dedent(inspect.getsource(function))
            except (OSError, TypeError):
                continue
            if 80 < len(source) <= LONGEST and function.__module__ == module.__name__:
                found.add(source.rstrip())
    linecache.clearcache()
    return tuple(sorted(found))


VERBS = ("load", "merge", "count", "find", "clean", "send", "group", "parse", "update", "pick", "scale", "check")
NOUNS = (
    "orders",
    "rows",
    "users",
    "tiles",
    "events",
    "prices",
    "notes",
    "beds",
    "trips",
    "scores",
    "tags",
    "samples",
    "invoices",
    "levels",
)


LOOP = """def {c}_{a}({a}, limit={n}):
    {b} = []
    for item in {a}:
        if item.size > limit:
            {b}.append(item.name)
    return {b}"""
ARROW = """const {c}{A} = async ({a}) => {{
  const {b} = await fetch(`/{a}/${{{a}.id}}?page={n}`);
  if (!{b}.ok) return null;
  return {b}.json();
}};"""
QUERY = """SELECT {a}.id, COUNT({b}.id) AS n
FROM {a} LEFT JOIN {b} ON {b}.{a}_id = {a}.id
WHERE {a}.year = 20{n}
GROUP BY {a}.id HAVING n > {m};"""
MANIFEST = """service: {a}
replicas: {n}
env:
  {B}_URL: http://{b}:{m}
resources:
  memory: {m}Mi"""
FUNCTION = """pub fn {c}(input: &[u8]) -> Result<Vec<{A}>, Error> {{
    let mut {b} = Vec::with_capacity({m});
    for chunk in input.chunks({n}) {{
        {b}.push({A}::from(chunk)?);
    }}
    Ok({b})
}}"""
MARKUP = """<section class="{a}">
  <h{d}>{A}</h{d}>
  <ul data-{b}="{m}"></ul>
</section>"""
CLASS = """class {A}:
    def __init__(self, {b}, {e}={m}):
        self.{b} = {b}
        self.{e} = {e}

    def {c}(self):
        if not self.{b}:
            raise ValueError("{b}")
        return [x for x in self.{b} if x > self.{e}][:{n}]"""
INVENTED = (LOOP, ARROW, QUERY, MANIFEST, FUNCTION, MARKUP, CLASS)


def snippet(r: Random) -> str:
    """A piece of code, one in three from the standard library (cut at a line), the others invented."""
    library = standard_library()
    if library and r.random() < 0.34:
        lines = r.choice(library).splitlines()
        return "\n".join(lines[: r.randint(6, 30)])
    a, b, e = r.sample(NOUNS, 3)
    names = {"a": a, "b": b, "e": e, "A": a.title(), "B": b.upper(), "c": r.choice(VERBS)}
    return r.choice(INVENTED).format_map(
        {**names, "n": r.randint(10, 99), "m": r.randint(3, 4096), "d": r.randint(1, 4)}
    )


def table(r: Random) -> str:
    """Three to eight rows of invented data."""
    a, b = r.sample(NOUNS, 2)
    separator = r.choice((",", ";", "\t", " | "))
    head = separator.join((a, b, "month"))
    rows = (
        separator.join((f"{r.choice(NOUNS)}-{r.randint(1, 99)}", str(r.randint(0, 5000)), str(r.randint(1, 12))))
        for _ in range(r.randint(3, 8))
    )
    return "\n".join((head, *rows))


def tool_result(r: Random) -> str:
    """What a tool sends back to a coding agent."""
    a, b, n = r.choice(NOUNS), r.choice(VERBS), r.randint(1, 400)
    return r.choice(
        (
            f"tests/{b}_{a}.py::{b} FAILED\nAssertionError: {n} != {r.randint(1, 400)}\n"
            f"{r.randint(1, 40)} passed, 1 failed in {n / 7:.2f}s",
            f"$ ls {a}/\n"
            + "\n".join(
                f"{r.choice(VERBS)}_{r.choice(NOUNS)}.{r.choice(('py', 'ts', 'rs', 'sql'))}"
                for _ in range(r.randint(3, 9))
            ),
            f"{a}/{b}.ts:{n}: error: '{r.choice(NOUNS)}' is possibly undefined",
            f"OK, {n} lines written to {a}/{b}.py",
            f"```{a}/{b}\n{snippet(r)}\n```",
            f"exit code {r.choice((0, 0, 1, 2, 137))}\n{b}: {n} {a} processed",
        )
    )
