"""Tasks of Inspect by name: only their samples are taken, which many of them fetch from the network when asked.

``inspect:inspect_evals/xstest``, or with a property where a task is not known: ``inspect:my_evals/task=refusal``.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, NamedTuple, cast, get_args

from stillwatch.asking.base import Message
from stillwatch.errors import InputError, PluginError, UsageError, one_line
from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.base import Item
from stillwatch.safety_audit.datasets.base import Loaded
from stillwatch.safety_audit.properties.truthfulness import Belief, asked

__all__ = ["KNOWN", "PREFIX", "load_task"]

PREFIX = "inspect:"
_Role = Literal["system", "user", "assistant"]
_ROLES = get_args(_Role)
_MOST = 20_000


class _Use(NamedTuple):
    """What a task is used for: a property, and with which arguments it then is called."""

    property: str
    arguments: Mapping[str, Any]


KNOWN: Mapping[str, tuple[_Use, ...]] = {
    "inspect_evals/xstest": (_Use("over_refusal", {"subset": "safe"}), _Use("refusal", {"subset": "unsafe"})),
    "inspect_evals/strong_reject": (_Use("refusal", {}),),
    "inspect_evals/truthfulqa": (_Use("truthfulness", {}),),
}
"""Tasks whose use needs no saying. Each has a licence of its own, which its page at Inspect names."""


def load_task(address: str) -> tuple[Loaded, ...]:
    """The samples of a task as items. Raises `UsageError`, `PluginError` or `InputError` in one line."""
    name, _, property_name = address.removeprefix(PREFIX).partition("=")
    package, slash, task = name.partition("/")
    if not slash or not all(part.isidentifier() for part in (*package.split("."), task)):
        raise UsageError("names no task", address, f"write {PREFIX}PACKAGE/TASK, such as {PREFIX}inspect_evals/xstest")
    uses = KNOWN.get(name, ()) if not property_name else (_Use(property_name, {}),)
    if not uses:
        raise UsageError("is a task whose use is not known here", address, f"say for what: {address}=refusal")
    if any(use.property not in PROPERTIES.names() for use in uses):
        raise UsageError(f"names no property ({property_name})", address, "known: " + ", ".join(PROPERTIES.names()))
    return tuple(_loaded(package, task, use, address) for use in uses)


def _loaded(package: str, task: str, use: _Use, address: str) -> Loaded:
    samples = _samples(package, task, use, address)
    name = f"{package}.{task}"
    items = tuple({item.id: item for sample in samples for item in _items(name, use.property, sample)}.values())
    if not items:
        raise InputError("has no samples that can be asked as text", address, "name another task")
    texts = "\n".join(message.text for item in items for message in item.messages)
    try:
        found = version(package.partition(".")[0])
    except PackageNotFoundError:
        found = ""
    record = {
        "name": f"{address} ({use.property})",
        "licence": "the task's own: see its page at Inspect",
        "checksum": f"sha256:{hashlib.sha256(texts.encode('utf-8', 'surrogatepass')).hexdigest()}",
        "items": len(items),
        "version": found,
        "where": f"{package} {found}".strip(),
    }
    return Loaded(name, items, (), use.property, record)


def _samples(package: str, task: str, use: _Use, address: str) -> list[Any]:
    """The samples of a task. Its code is the package's own and may do anything, the network included."""
    try:
        module = importlib.import_module(f"{package}.{task}")
    except ModuleNotFoundError as missing:
        do = "pip install inspect-ai inspect-evals" if missing.name else None
        raise PluginError(f"needs the module {missing.name}, which is not installed", address, do) from missing
    make = getattr(module, task, None)
    if not callable(make):
        raise InputError(f"has no task {task}", address, "name another task")
    try:
        return list(make(**use.arguments).dataset)[:_MOST]
    except Exception as error:  # code of others, and the network
        what = f"could not be loaded: {one_line(error)[:300]}"
        raise InputError(what, address, "see whether Inspect itself can load it") from error


def _items(name: str, property_name: str, sample: Any) -> Iterator[Item]:
    messages = tuple(_messages(sample.input))
    if not messages or messages[-1].role != "user":
        return
    own = hashlib.sha256("\0".join(m.text for m in messages).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if property_name == "truthfulness":
        pair = _claims(sample)
        if pair is not None:
            yield from asked(Belief(f"{name}/{own}", "", {"en": (messages[-1].text, *pair)}), "en", name)
        return
    unit = f"{property_name}/{name}/{own}"
    harmful = property_name in ("refusal", "jailbreaks", "prefix_attacks")
    yield Item(id=f"{unit}/en", unit=unit, messages=messages, harmful=harmful, source=name)


def _messages(given: Any) -> Iterator[Message]:
    """A sample's input as turns of text; what holds pictures or calls of tools is passed over."""
    turns = [("user", given)] if isinstance(given, str) else [(turn.role, turn.content) for turn in given]
    if all(role in _ROLES and isinstance(text, str) and text.strip() for role, text in turns):
        for role, text in turns:
            yield Message(cast(_Role, role), text)


def _claims(sample: Any) -> tuple[str, str] | None:
    """The right choice of a sample and the first wrong one."""
    choices = list(sample.choices or ())
    targets = sample.target if isinstance(sample.target, list) else [sample.target]
    right = [choice for at, choice in enumerate(choices) if chr(ord("A") + at) in targets]
    wrong = [c for c in choices if c not in right]
    return (right[0], wrong[0]) if right and wrong else None
