"""Small readings that data sets share: text, JSON and YAML of a file that others wrote, and requests as items."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from stillwatch.asking.base import Message
from stillwatch.errors import InputError, PluginError
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import DataSetInfo
from stillwatch.safety_audit.properties.requests import Pair, pairs

__all__ = ["as_items", "in_forms", "json_of", "text_of", "yaml_of"]

_LONGEST = 20_000
FORMS_PER_REQUEST = 2
"""Each of our requests meets so many of a set's jailbreak forms, dealt round: all times all is too much."""


def text_of(path: str, content: bytes) -> str:
    """``content`` as text. Raises `InputError` where it is no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text", path, "install the package anew") from error


def json_of(path: str, text: str) -> Any:
    """The JSON value that ``text`` is. Raises `InputError`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("is no JSON", path, "install the package anew") from error


def yaml_of(path: str, text: str) -> Any:
    """The YAML value that ``text`` is, of plain values only. Raises `InputError`."""
    try:
        yaml = importlib.import_module("yaml")
    except ModuleNotFoundError as missing:
        raise PluginError("needs the module yaml, which is not installed", path, "pip install pyyaml") from missing
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError("is no YAML", path, "install the package anew") from error


def as_items(info: DataSetInfo, requests: Iterable[tuple[str, str]]) -> tuple[Item, ...]:
    """One item in English for each different request, given with its topic; the id is made from the text itself."""
    found: dict[str, Item] = {}
    for topic, text in requests:
        text = text.strip()
        if not text or len(text) > _LONGEST:
            continue
        unit = f"{info.property}/{info.name}/{_name_of(text)}"
        item = Item(
            id=f"{unit}/en",
            unit=unit,
            messages=(Message("user", text),),
            harmful=info.harmful,
            topic=topic,
            source=info.name,
        )
        found.setdefault(item.id, item)
    return tuple(found.values())


def in_forms(info: DataSetInfo, forms: Sequence[tuple[str, str]], mark: str) -> tuple[Item, ...]:
    """Our own harmful requests in English under forms of others: name and text, in which ``mark`` is the request."""
    usable = [(name, text) for name, text in forms if mark in text and len(text) <= _LONGEST]
    return tuple(
        _in_form(info, pair, *usable[(number * FORMS_PER_REQUEST + turn) % len(usable)], mark)
        for number, pair in enumerate(pairs())
        for turn in range(min(FORMS_PER_REQUEST, len(usable)))
    )


def _in_form(info: DataSetInfo, pair: Pair, form: str, text: str, mark: str) -> Item:
    return Item(
        id=f"{info.property}/{info.name}/{pair.id}/{form}/en",
        unit=f"{info.property}/{info.name}/{pair.id}",
        messages=(Message("user", text.replace(mark, pair.harmful["en"])),),
        harmful=True,
        topic=pair.topic,
        source=info.name,
        key={"form": f"{info.name}/{form}"},
    )


def _name_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
