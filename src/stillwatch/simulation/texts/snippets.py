"""Pieces of code and small tables. Code comes from the running Python's standard library (PSF licence), read at run time.

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
    ast, bisect, calendar, colorsys, csv, difflib, fnmatch, fractions, functools, heapq, json, shlex, shutil, statistics, string, textwrap,
)  # fmt: skip
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
NOUNS = ("orders", "rows", "users", "tiles", "events", "prices", "notes", "beds", "trips", "scores", "tags", "samples", "invoices", "levels")


def _loop(r: Random) -> str:
    a, b, c = r.choice(NOUNS), r.choice(NOUNS), r.choice(VERBS)
    return f"def {c}_{a}({a}, limit={r.randint(2, 99)}):\n    {b} = []\n    for item in {a}:\n        if item.size > limit:\n            {b}.append(item.name)\n    return {b}"


def _arrow(r: Random) -> str:
    a, b, c = r.choice(NOUNS), r.choice(NOUNS), r.choice(VERBS)
    return f"const {c}{a.title()} = async ({a}) => {{\n  const {b} = await fetch(`/{a}/${{{a}.id}}?page={r.randint(1, 9)}`);\n  if (!{b}.ok) return null;\n  return {b}.json();\n}};"


def _query(r: Random) -> str:
    a, b = r.sample(NOUNS, 2)
    return f"SELECT {a}.id, COUNT({b}.id) AS n\nFROM {a} LEFT JOIN {b} ON {b}.{a}_id = {a}.id\nWHERE {a}.year = {r.randint(2009, 2026)}\nGROUP BY {a}.id HAVING n > {r.randint(1, 40)};"


def _yaml(r: Random) -> str:
    a, b = r.sample(NOUNS, 2)
    return f"service: {a}\nreplicas: {r.randint(1, 9)}\nenv:\n  {b.upper()}_URL: http://{b}:{r.randint(3000, 9000)}\nresources:\n  memory: {r.randint(1, 32) * 64}Mi"


def _struct(r: Random) -> str:
    a, b, c = r.choice(NOUNS), r.choice(NOUNS), r.choice(VERBS)
    return f"pub fn {c}(input: &[u8]) -> Result<Vec<{a.title()}>, Error> {{\n    let mut {b} = Vec::with_capacity({r.randint(4, 512)});\n    for chunk in input.chunks({r.randint(2, 64)}) {{\n        {b}.push({a.title()}::from(chunk)?);\n    }}\n    Ok({b})\n}}"


INVENTED = (_loop, _arrow, _query, _yaml, _struct)


def snippet(r: Random) -> str:
    """A piece of code, one in three from the standard library (cut at a line), the others invented."""
    library = standard_library()
    if library and r.random() < 0.34:
        lines = r.choice(library).splitlines()
        return "\n".join(lines[: r.randint(6, 30)])
    return r.choice(INVENTED)(r)


def table(r: Random) -> str:
    """Three to eight rows of invented data."""
    a, b = r.sample(NOUNS, 2)
    separator = r.choice((",", ";", "\t", " | "))
    head = separator.join((a, b, "month"))
    rows = (separator.join((f"{r.choice(NOUNS)}-{r.randint(1, 99)}", str(r.randint(0, 5000)), str(r.randint(1, 12)))) for _ in range(r.randint(3, 8)))
    return "\n".join((head, *rows))


def tool_result(r: Random) -> str:
    """What a tool sends back to a coding agent."""
    a, b, n = r.choice(NOUNS), r.choice(VERBS), r.randint(1, 400)
    return r.choice((
        f"tests/{b}_{a}.py::{b} FAILED\nAssertionError: {n} != {r.randint(1, 400)}\n{r.randint(1, 40)} passed, 1 failed in {n / 7:.2f}s",
        f"$ ls {a}/\n" + "\n".join(f"{r.choice(VERBS)}_{r.choice(NOUNS)}.{r.choice(('py', 'ts', 'rs', 'sql'))}" for _ in range(r.randint(3, 9))),
        f"{a}/{b}.ts:{n}: error: '{r.choice(NOUNS)}' is possibly undefined",
        f"OK, {n} lines written to {a}/{b}.py",
        f"```{a}/{b}\n{snippet(r)}\n```",
        f"exit code {r.choice((0, 0, 1, 2, 137))}\n{b}: {n} {a} processed",
    ))  # fmt: skip
