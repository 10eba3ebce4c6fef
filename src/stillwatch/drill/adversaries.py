"""Who is drilled: the library of adversaries, and what each becomes when it hides from one signal after another.

The evasions are those of somebody who has read how Stillwatch decides: every kind of evidence that it weighs has one
that is aimed at it, and the last few do the strongest together. An adversary is data (``adversaries.toml``).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.errors import InputError, UsageError
from stillwatch.simulation.operators.campaign import Campaign, entry_of, presets, with_changes

__all__ = ["Adversary", "drilled", "evasions", "knobs", "library", "parse_adversary"]

_OPTION = "--adversary"
_WORDS = ("summary", "hides", "of")  # what an entry says beside knobs
_LONGEST = 300  # characters of a sentence that reports print


class Adversary(msgspec.Struct, frozen=True):
    """One way of running a campaign, with ``summary``, one plain sentence about it.

    An evasion ``hides`` from a signal, in plain words, and is to be compared with the adversary ``of`` which does not;
    both are empty for those that are no evasion.
    """

    name: str
    summary: str
    campaign: Campaign
    hides: str = ""
    of: str = ""


@functools.cache
def _file() -> dict[str, Any]:
    text = resources.files("stillwatch.drill").joinpath("adversaries.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def _library() -> dict[str, Adversary]:
    raw = _file()
    found = {name: Adversary(name, raw["presets"][name], campaign) for name, campaign in presets().items()}
    return {name: _adversary({"name": name, **entry}, name, found) for name, entry in raw["library"].items()} | found


def library() -> dict[str, Adversary]:
    """Adversaries by name that are no evasion: what the evasions start from, then the presets."""
    return dict(_library())


def drilled() -> tuple[str, ...]:
    """Names of those that are drilled when nothing else is asked for, from naive to adaptive."""
    return tuple(_file()["drilled"])


@functools.cache
def evasions() -> tuple[Adversary, ...]:
    """Each of the library's evasions; those that change one thing come first, those that do everything last."""
    return tuple(_adversary({"name": name, **entry}, name, library()) for name, entry in _file()["evasions"].items())


def parse_adversary(text: str) -> Adversary:
    """``NAME`` or ``FILE.toml``, each with ``:knob=value,...`` after it where something is to be otherwise.

    A name is one of the library or of the evasions. With changes it is an adversary of its own, named after the whole
    text. A file has the fields of a campaign and may say ``summary``, ``hides`` and ``of``: then what it does not say
    is as in the adversary ``of``.

    Raises UsageError for an unknown name or knob and for a value out of range, InputError for a file that cannot be
    read, has an unknown field or a value of a wrong kind; each is one line.
    """
    source, _, changes = text.partition(":")
    known = library() | {evasion.name: evasion for evasion in evasions()}
    if source.endswith(".toml"):
        found = _from_file(Path(source), known)
    elif source in known:
        found = known[source]
    else:
        raise UsageError(
            f"unknown adversary {source!r}", _OPTION, f"known are {', '.join(known)}, or give a .toml file"
        )
    if not changes.strip(", "):
        return found
    campaign = with_changes(msgspec.to_builtins(found.campaign), changes, f"{_OPTION} {source}")
    # Two that differ must not be told apart by their names only sometimes: the name seeds what is planted.
    name = campaign.name if campaign.name != found.campaign.name else f"{found.name}:{changes.strip(', ')}"
    campaign = msgspec.structs.replace(campaign, name=name)
    return msgspec.structs.replace(found, name=name, campaign=campaign)


def knobs(campaign: Campaign, base: Campaign | None = None) -> str:
    """``knob=value,...`` of what differs from ``base`` (from a campaign's defaults where there is none).

    As `parse_adversary` reads it after a name: the base with these changes is the campaign again, but for its name.
    """
    base = base or Campaign(name=campaign.name)
    found = []
    for field in Campaign.__struct_fields__:
        value = getattr(campaign, field)
        if field != "name" and value != getattr(base, field):
            found.append(f"{field}={_spelt(value)}")
    return ",".join(found)


def _spelt(value: object) -> str:
    if isinstance(value, Mapping):
        return "+".join(f"{name}*{_spelt(weight)}" for name, weight in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _from_file(path: Path, known: Mapping[str, Adversary]) -> Adversary:
    try:
        found = _adversary(entry_of(path), str(path), known)
    except UsageError as error:  # what is wrong is in the file, not on the command line
        raise InputError(error.what, error.where, error.do) from error
    if found.name in known:  # reports tell adversaries apart by their names
        raise InputError(f"is named {found.name!r} as one of ours", path, "give it another name")
    return found


def _adversary(entry: Mapping[str, Any], where: str, known: Mapping[str, Adversary]) -> Adversary:
    """The adversary that an entry of a file says. Raises UsageError with ``where`` in it."""
    words = {word: entry.get(word, "") for word in _WORDS}
    words["name"] = entry["name"]
    for word, said in words.items():
        if not isinstance(said, str) or len(said) > _LONGEST or not said.isprintable():
            raise UsageError(f"{word} is no line of text", where, f"write one of at most {_LONGEST} characters")
    if not words["name"].strip():
        raise UsageError("name is empty", where, "give the adversary a name")
    of = words["of"]
    if of and of not in known:
        raise UsageError(f"of names an unknown adversary {of!r}", where, f"known are {', '.join(known)}")
    if words["hides"] and not of:
        raise UsageError("hides from something but is an evasion of nobody", where, "name the adversary in of")
    start = msgspec.to_builtins(known[of].campaign) if of else {}
    fields = {name: value for name, value in entry.items() if name not in _WORDS}
    campaign = with_changes({**start, **fields}, "", where)
    return Adversary(campaign=campaign, **(words | {"summary": words["summary"] or f"As {where} says."}))
