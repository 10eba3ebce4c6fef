"""A policy's file: read strictly, so that what a provider meant and what happens are the same.

Every mistake is one line with the file, the line in it and the key: an unknown key is no guess, a response that could
never act as written is no surprise for later.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.errors import InputError, PluginError
from stillwatch.gateway.policy import Exemption, Marking, Policy
from stillwatch.marks.keys import is_scheme
from stillwatch.registry import load
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Measure

__all__ = ["EVERY", "LARGEST_FILE", "find_policy", "parse_policy", "read_policy", "shipped"]

LARGEST_FILE = 2**20
CHECK_ALERTS = "stillwatch.gateway.alerts.opening:check_alerts"  # channels need an extra
EVERY = "*"
"""In `Exemption.responses`: protects from all of them."""
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_HEADER = re.compile(r"\[(\[)?([^\[\]]{1,200})\]")
_KEY = re.compile(r"\"?([A-Za-z0-9_\-]{1,100})\"?[ \t]{0,100}[.=]")


class _Wrong(NamedTuple):
    """What is wrong, at which key (``measures[0].share``), and what to do about it."""

    path: str
    what: str
    do: str | None = None


def shipped() -> dict[str, Path]:
    """The policies that come with Stillwatch, by name."""
    folder = Path(__file__).with_name("policies")
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_policy(said: str) -> Path:
    """The file that ``said`` names: a path, or else the name of a policy that comes with Stillwatch."""
    path = Path(said)
    return shipped().get(said, path) if not path.exists() else path


def read_policy(path: Path) -> Policy:
    """The policy in the file ``path``. Raises `InputError`, one line, for one that cannot be read or cannot work."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path, "name a policy's TOML file; docs/gateway-policy.md"
        ) from error
    return parse_policy(data, path)


def parse_policy(data: bytes, where: object) -> Policy:
    """The policy that ``data`` (TOML in UTF-8, at most a MiB) says; ``where`` it lies is for errors.

    Raises `InputError` naming line and key.
    """
    if len(data) > LARGEST_FILE:
        raise InputError("is larger than a MiB", where, "a policy is a page long; name another file")
    try:
        text = data.decode("utf-8")
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InputError("is no text in UTF-8", where, "save it as UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", where, "see docs/gateway-policy.md") from error
    try:
        policy = msgspec.convert(raw, Policy)
    except msgspec.ValidationError as error:
        raise _located(_said(error), text, where) from error
    for wrong in _wrongs(policy):
        raise _located(wrong, text, where)
    return policy


def _wrongs(policy: Policy) -> Iterator[_Wrong]:
    if not policy.name.strip() or not policy.name.isprintable() or len(policy.name) > 100:
        yield _Wrong("name", "is no short name", "give one of at most 100 characters")
    yield from _out_of_range(policy)
    yield from _wrong_marking(policy.marking)
    for place, measure in enumerate(policy.measures):
        yield from _wrong_measure(measure, f"measures[{place}]")
    names: set[str] = set()
    for place, exemption in enumerate(policy.exempt):
        if exemption.name in names:
            yield _Wrong(f"exempt[{place}].name", f"there are two named {exemption.name!r}", "name them apart")
        names.add(exemption.name)
        yield from _wrong_exemption(exemption, f"exempt[{place}]")
    for place, entry in enumerate(policy.alerts):
        try:
            load(CHECK_ALERTS)([entry])
        except (InputError, PluginError) as error:
            yield _Wrong(f"alerts[{place}]", error.what, error.do)


def _out_of_range(policy: Policy) -> Iterator[_Wrong]:
    """Numbers that make no sense. The comparisons are so that NaN is out of every range."""
    bounds, failures, learning = policy.bounds, policy.failures, policy.learning
    ranges: list[tuple[str, float, float, float]] = [
        ("days", policy.days, 0.01, 366),
        ("longest_wait", policy.longest_wait, 0, 60),
        ("bounds.requests_touched", bounds.requests_touched, 0, 1),
        ("bounds.accounts_touched", bounds.accounts_touched, 0, 1),
        ("bounds.window", bounds.window, 60, 7 * 86_400),
        ("bounds.least", bounds.least, 1, 1e9),
        ("failures.clock_jump", failures.clock_jump, 1, 86_400),
        ("failures.upstream_timeout", failures.upstream_timeout, 1, 86_400),
        ("learning.keep_text_hours", learning.keep_text_hours, 0, 24 * 366),
        ("learning.journal_days", learning.journal_days, 0.01, 3_660),
        ("learning.scan_hours", learning.scan_hours, 0, 24 * 366),
    ]
    for path, value, least, most in ranges:
        if not least <= value <= most:
            yield _Wrong(path, f"{value:g} is out of range", f"give {least:g} to {most:g}")
    if learning.keep_text_hours > learning.journal_days * 24:
        yield _Wrong("learning.keep_text_hours", "text would be kept longer than the lines that hold it",
                     "give at most 24 times journal_days")  # fmt: skip


def _wrong_marking(marking: Marking) -> Iterator[_Wrong]:
    for name, folder in marking.keyrings.items():
        if not name.isidentifier() or len(name) > 64:
            yield _Wrong("marking.keyrings", f"{name!r} is no plain name", "use letters, digits and _")
        if not folder.strip():
            yield _Wrong("marking.keyrings", f"{name!r} names no folder", "give the folder of `stillwatch marks init`")
    if marking.engine and not is_scheme(marking.engine):
        what = f"{marking.engine!r} is no name of a sampling scheme"
        yield _Wrong("marking.engine", what, 'give one like "gumbel", or leave it out')


def _wrong_measure(measure: Measure, at: str) -> Iterator[_Wrong]:
    try:
        response = RESPONSES.get(measure.response)
    except PluginError as error:
        yield _Wrong(f"{at}.response", f"there is no response {measure.response!r} ({error.what})", error.do)
        return
    try:
        msgspec.convert(measure.parameters, response.parameters)
    except msgspec.ValidationError as error:
        wrong = _said(error)
        yield _Wrong(_joined(f"{at}.parameters", wrong.path), wrong.what)
    if not measure.levels:
        yield _Wrong(f"{at}.levels", "is empty", f"name some of {', '.join(LEVELS)}")
    least = "confirmed" if response.info.needs_human else response.info.least_level
    below = [level for level in measure.levels if LEVELS.index(level) < LEVELS.index(least)]
    if below:
        why = "needs a person who confirmed the claim" if response.info.needs_human else "stops an account"
        allowed = ", ".join(f'"{level}"' for level in LEVELS[LEVELS.index(least) :])
        yield _Wrong(f"{at}.levels", f"{measure.response} {why} and never acts on {below[0]!r}", f"give [{allowed}]")
    for key in ("innocent_at_most", "share"):
        value = getattr(measure, key)
        if not 0 <= value <= 1 or math.isnan(value):
            yield _Wrong(f"{at}.{key}", f"{value:g} is no share", "give 0 to 1")


def _wrong_exemption(exemption: Exemption, at: str) -> Iterator[_Wrong]:
    if not exemption.name.strip():
        yield _Wrong(f"{at}.name", "is empty", "give a name")
    if not exemption.why.strip():
        yield _Wrong(f"{at}.why", "is empty", "say why, for whoever reads this after you")
    if not (exemption.accounts or exemption.organizations or exemption.tiers):
        yield _Wrong(at, "exempts nobody", "name accounts, organizations or tiers")
    if any("" in names for names in (exemption.accounts, exemption.organizations, exemption.tiers)):
        yield _Wrong(at, "an empty name would exempt all of whom nothing is known", "take the empty name out")
    for name in exemption.responses:
        if name != EVERY and name not in RESPONSES.names():
            known = ", ".join(RESPONSES.names())
            yield _Wrong(f"{at}.responses", f"there is no response {name!r}", f'known: {known}, and "{EVERY}"')
    if not exemption.responses:
        yield _Wrong(f"{at}.responses", "protects from nothing", f'name responses, or "{EVERY}" for all')
    if exemption.until:
        try:
            dt.date.fromisoformat(exemption.until)
        except ValueError:
            yield _Wrong(f"{at}.until", f"{exemption.until!r} is no date", "write it as 2026-12-31, in quotes")


def _said(error: msgspec.ValidationError) -> _Wrong:
    """What msgspec says, and where."""
    found = _AT.match(str(error))
    what, path = (str(error), None) if found is None else found.group("what", "path")
    unknown = re.search(r"contains unknown field `([^`]*)`", what)
    at = (path or "$").removeprefix("$").lstrip(".")
    if unknown:
        return _Wrong(_joined(at, unknown[1]), "is no key that is known here", "check its spelling")
    return _Wrong(at, what[:1].lower() + what[1:])


def _joined(one: str, two: str) -> str:
    return f"{one}.{two}" if one and two else one or two


def _located(wrong: _Wrong, text: str, where: object) -> InputError:
    line = _line_of(wrong.path, text)
    place = f"{where}:{line}" if line else str(where)
    return InputError(f"{wrong.path}: {wrong.what}" if wrong.path else wrong.what, place, wrong.do)


def _line_of(path: str, text: str) -> int | None:
    """The line of a key, or else of the table that it would stand in; None where that is not to be seen."""
    wanted = re.sub(r"\[\d+\]$|\[\.\.\.\]$", "", path)
    table, counts, best = "", dict[str, int](), None
    for number, line in enumerate(text.splitlines(), 1):
        said = line.lstrip()
        if header := _HEADER.match(said):
            name = header[2].replace(" ", "")
            if header[1]:
                counts[name] = counts.get(name, -1) + 1
            table = _numbered(name, counts)
            if path == table or path.startswith(f"{table}."):
                best = number
        elif key := _KEY.match(said):
            found = _joined(table, key[1])
            if found == wanted:
                return number
            if wanted.startswith(f"{found}."):
                best = number
    return best


def _numbered(name: str, counts: Mapping[str, int]) -> str:
    """``measures.parameters`` as msgspec would say it: ``measures[1].parameters``."""
    parts: list[Any] = []
    plain = ""
    for part in name.split("."):
        plain = _joined(plain, part)
        parts.append(f"{part}[{counts[plain]}]" if plain in counts else part)
    return ".".join(parts)
