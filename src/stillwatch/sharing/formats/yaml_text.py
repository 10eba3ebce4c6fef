"""YAML of strangers, as lists and mappings of strings: what could grow when it is read is refused before it is built.

PyYAML's loader shares what an alias repeats, so that a few hundred bytes stand for gigabytes as soon as anybody walks
through them; its safe constructors guess at dates and numbers. Here the stream of events is counted first (libyaml does
not build anything yet), and then built with no types but text.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from stillwatch.errors import InputError
from stillwatch.sharing.formats.bounds import shown

__all__ = ["dump_documents", "load_documents"]

MOST_EVENTS = 1_000_000
"""Scalars, beginnings and ends in a stream."""
MOST_DEPTH = 20
_HANDLES = re.compile("(?:^|[\r\n\x85\u2028\u2029])%TAG")
"""Names for tags, which libyaml compares each with each."""
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_Dumper = type("_Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {"ignore_aliases": lambda *_: True})
"""Writes a list twice where it is used twice: a reader that distrusts us refuses aliases, as we do."""
_OPEN = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSED = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def dump_documents(documents: list[Any]) -> str:
    """A stream of documents, plain text and numbers only, ASCII, keys as they come, lines as long as they are."""
    return str(
        yaml.dump_all(
            documents, Dumper=_Dumper, sort_keys=False, explicit_start=True, indent=4, width=1 << 20, line_break="\n"
        )
    )


def load_documents(text: str, most: int) -> list[Any]:
    """Every document of a stream, each scalar as it is written. Raises `InputError`: no YAML, an alias, an anchor or a
    tag, more than ``most`` documents, or too many or too deep parts."""
    if _HANDLES.search(text):
        raise InputError("names tags, which can stand for more than text")
    try:
        _count(text, most)
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise InputError(f"is no YAML: {shown(_problem(error), 200)}") from error
    except RecursionError as error:
        raise InputError("is nested too deeply") from error


def _count(text: str, most: int) -> None:
    documents = depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader), 1):
        if number > MOST_EVENTS:
            raise InputError(f"holds more than {MOST_EVENTS} parts")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise InputError("holds an anchor or alias, which can stand for more than it is")
        if getattr(event, "tag", None) not in (None, "!"):
            raise InputError("holds a tag, which can stand for more than text")
        if isinstance(event, _OPEN):
            depth += 1
            if depth > MOST_DEPTH:
                raise InputError("is nested too deeply")
        elif isinstance(event, _CLOSED):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > most:
                raise InputError(f"holds more than {most} documents")


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong and in which line, without the stranger's text around it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
