"""A campaign as data: what a preset, a TOML file or ``PRESET:knob=value,...`` on the command line says."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import msgspec

from stillwatch.errors import InputError, UsageError

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
TECHNIQUES = (
    "reasoning_elicitation",
    "rubric_grading",
    "prompt_evolution",
    "jailbreak",
    "agent_traces",
    "code_tasks",
    "answer_rewriting",
    "plain",
)
_NUMBERS = ("exchanges", "spread", "honest_days", "start", "end", "follow_ups")
_MOST = 1e6  # beyond it, or inf or nan, a number in a file is a slip


class Campaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One operator's campaign. Shares are of exchanges; days are of the log; the defaults are a plain shared pool.

    ``exchanges`` is the mean per account over the log (cover included), ``spread`` the sigma of its logarithm.
    ``cover`` is the share of ordinary-looking exchanges, ``honest_days`` days of cover alone at the start (a sleeper).
    ``cards`` and ``addresses`` say how many accounts share one (1: private). ``start`` and ``end`` are shares of the
    log's span (below 0 or above 1: it runs on outside the log). ``techniques`` are weights. ``wordings`` of each
    technique are in use. ``best_of`` is the share of tasks asked several times, ``follow_ups`` the mean of further
    turns, ``topics`` how many topics the pool of tasks covers. ``paraphrase`` is the share of requests whose wording is
    said anew in other words, so that no two share it. ``harness`` says whether all accounts run one copy of a
    coding agent or each its own, with a prompt and tools like anybody's.
    """

    name: str
    accounts: Count = 60
    exchanges: Positive = 30.0
    spread: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.4
    cover: Share = 0.0
    cover_kind: Literal["personal", "generalist", "mimic", "developer"] = "personal"
    honest_days: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    network: Literal["cloud", "home", "rotating", "vpn"] = "cloud"
    addresses: Count = 1
    cards: Count = 1
    organizations: Count = 1
    sign_up: Literal["burst", "spread", "aged"] = "spread"
    start: float = 0.0
    end: float = 1.0
    dispatch: Literal["round_robin", "random", "topic", "sticky"] = "random"
    waves: Count = 1
    techniques: dict[str, float] = msgspec.field(default_factory=lambda: {"reasoning_elicitation": 1.0})
    wordings: Annotated[int, msgspec.Meta(ge=1, le=12)] = 4
    paraphrase: Share = 0.0
    best_of: Share = 0.0
    follow_ups: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    topics: Count = 20
    hours: Literal["flat", "people", "shift"] = "flat"
    clients: Literal["one", "some", "people", "agents"] = "some"
    model_switch: bool = True
    harness: Literal["one", "own"] = "one"
    retries: Share = 0.9

    def __post_init__(self) -> None:
        unknown = set(self.techniques) - set(TECHNIQUES)
        if unknown:
            raise ValueError(f"unknown technique {sorted(unknown)[0]!r}; known: {', '.join(TECHNIQUES)}")
        if not self.techniques or min(self.techniques.values()) < 0 or sum(self.techniques.values()) <= 0:
            raise ValueError("techniques need at least one positive weight")
        numbers = (*self.techniques.values(), *(getattr(self, name) for name in _NUMBERS))
        if not all(abs(number) <= _MOST for number in numbers):
            raise ValueError("a number is beyond a million, or none")
        if self.end <= self.start:
            raise ValueError("end must lie after start")

    def working_span(self, number: int, r: Random, first: float, last: float) -> tuple[float, float]:
        """When account ``number`` begins and is given up, in a log from ``first`` to ``last``, which both may leave.

        Accounts of a wave begin together (``sign_up`` burst) or one after another, and end together.
        """
        begin, finish = first + self.start * (last - first), first + self.end * (last - first)
        wave = (finish - begin) / self.waves
        start = begin + (number % self.waves) * wave
        start += abs(r.gauss(0, 0.04)) * wave if self.sign_up == "burst" else r.random() ** 2 * 0.35 * wave
        return start, begin + (number % self.waves + 1) * wave * r.uniform(0.97, 1.0)


@functools.cache
def presets() -> dict[str, Campaign]:
    """The project's presets by name, in the order of their file."""
    text = resources.files("stillwatch.simulation.operators").joinpath("presets.toml").read_text(encoding="utf-8")
    return {name: msgspec.convert({"name": name, **entry}, Campaign) for name, entry in tomllib.loads(text).items()}


def parse_campaign(text: str) -> Campaign:
    """``PRESET``, ``PRESET:knob=value,...`` or ``FILE.toml`` (with the same ``:knob=value`` after it).

    Raises UsageError for an unknown preset, an unknown knob or a value out of range, InputError for an unreadable file.
    """
    source, _, changes = text.partition(":")
    if source.endswith(".toml"):
        base = entry_of(Path(source))
    elif source in presets():
        base = msgspec.to_builtins(presets()[source])
    else:
        raise UsageError(
            f"unknown campaign {source!r}", "--campaign", f"known are {', '.join(presets())}, or give a .toml file"
        )
    return with_changes(base, changes, f"--campaign {source}")


def with_changes(base: Mapping[str, Any], changes: str, where: str) -> Campaign:
    """The campaign of the fields ``base`` after ``changes`` (``knob=value,...``, which may be empty).

    Raises UsageError, with ``where`` (an option, a file) in it, for an unknown knob or a value out of range.
    """
    fields = dict(base)
    for change in filter(None, changes.split(",")):
        knob, equals, value = change.partition("=")
        if not equals or knob.strip() not in Campaign.__struct_fields__:
            raise UsageError(
                f"{change!r} is no knob=value", where, f"knobs are {', '.join(Campaign.__struct_fields__)}"
            )
        fields[knob.strip()] = _value(value.strip())
    try:
        return msgspec.convert(fields, Campaign, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(str(error), f"{where}:{changes}" if changes else where) from error


def _value(text: str) -> object:
    """``a*0.4+b*0.6`` is a mapping of weights (techniques), everything else stays text for msgspec to read."""
    if "*" in text:
        parts = (part.partition("*") for part in text.split("+"))
        return {name.strip(): weight for name, _, weight in parts}
    return {text: 1.0} if text in TECHNIQUES else text


def entry_of(path: Path) -> dict[str, Any]:
    """The fields in a TOML file; its ``name``, unless it says one, is the file's. Raises InputError."""
    try:
        entry = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, nested without end
        raise InputError(f"is not TOML: {error}", path) from error
    return {"name": path.stem, **entry}
