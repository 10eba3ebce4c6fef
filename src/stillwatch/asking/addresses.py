"""From what a user writes for a model to an endpoint that can be asked, with its limits and prices.

``openai:MODEL@https://host/v1``, ``anthropic:MODEL``, ``transformers:PATH``, ``answers:FILE``, a folder that holds a
model, a file of answers (``.jsonl``), or a TOML file that says more (docs/asking.md).
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.asking import ENDPOINTS
from stillwatch.asking.base import Endpoint
from stillwatch.asking.limits import Limits, Price
from stillwatch.errors import InputError, UsageError

__all__ = ["LocalFolder", "Model", "local_folder", "open_model"]

_LIMITS = frozenset(Limits.__struct_fields__)
_OURS = frozenset({"address", "price", "name"})
_UNSEALED = frozenset({"key", "headers"})
_PATHS = frozenset({"transformers", "answers"})
_DO = "write openai:MODEL@https://HOST/v1, anthropic:MODEL, a folder of a model, a .jsonl of answers or a .toml"


class Model(NamedTuple):
    """A model that can be asked. ``name`` is what reports and sealed files call it; no key is in it.

    ``price`` is None where it is not known; what is on this machine costs nothing. ``prepared``: its answers are there
    already. ``settings`` is what its answers depend on, to be sealed with them: no key, no limits, no price.
    """

    name: str
    endpoint: Endpoint
    limits: Limits
    price: Price | None
    prepared: bool = False
    settings: Mapping[str, Any] = {}


class LocalFolder(NamedTuple):
    """A model in a folder on this machine, and the device that it is to be loaded on ("": whichever is best)."""

    folder: Path
    device: str = ""


def local_folder(text: str, where: str = "a model") -> LocalFolder | None:
    """The folder that ``text`` names; None for a model of any other kind. Nothing is opened.

    Raises `UsageError` or `InputError` for what cannot be, as `open_model`, or where the folder holds no model.
    """
    address, told, place = _told(text, where)
    kind, address = _kind(address, place)
    if kind != "transformers":
        return None
    folder = Path(address.removeprefix("transformers:"))
    if not (folder / "config.json").is_file():
        raise InputError("holds no model: it has no config.json", folder, "name a folder as transformers saves one")
    device = told.get("device", "")
    return LocalFolder(folder, device if isinstance(device, str) else "")


def open_model(text: str, where: str = "a model") -> Model:
    """The model that ``text`` names; ``where`` is the option it stands in.

    Raises `UsageError` or `InputError` for what cannot be, `PluginError` where its extra is not installed. Nothing is
    asked yet.
    """
    return _opened(*_told(text, where))


def _told(text: str, where: str) -> tuple[str, dict[str, Any], str]:
    """The address that ``text`` is or names a file with, what else that file says, and where it stands."""
    path = Path(text)
    if text.endswith(".toml") and ":" not in text.partition("/")[0]:
        told = _table(path)
        address = told.pop("address", None)
        if not isinstance(address, str) or address.endswith(".toml"):
            raise InputError("has no address", path, f"{_DO.replace(' or a .toml', '')}: address = …")
        return _beside(address, path.parent), told, str(path)
    return text, {}, where


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is no TOML: {error}", path, "docs/asking.md shows one") from error


def _beside(address: str, folder: Path) -> str:
    """A path in a TOML file is beside that file."""
    kind, colon, rest = address.partition(":")
    if colon and kind in _PATHS:
        return f"{kind}:{folder / rest}"
    return address if colon else str(folder / address)


def _opened(address: str, told: Mapping[str, Any], where: str) -> Model:
    kind, address = _kind(address, where)
    try:
        limits = msgspec.convert({name: told[name] for name in _LIMITS & told.keys()}, Limits)
        price = msgspec.convert(told["price"], Price) if "price" in told else None
        name = msgspec.convert(told.get("name", ""), str)
    except (msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"has a setting that cannot be: {error}", where, "docs/asking.md lists them") from error
    options = {name: value for name, value in told.items() if name not in _LIMITS | _OURS}
    opener = ENDPOINTS.get(kind)
    if not opener.opens(address):
        raise UsageError(f"is no address of {kind}", where, f"one is {opener.info.example}")
    endpoint = opener.open(address, options | {"timeout": limits.timeout})
    most = getattr(endpoint, "most_at_once", None)
    if isinstance(most, int):
        limits = msgspec.structs.replace(limits, concurrency=min(limits.concurrency, most))
    if price is None and kind in _PATHS:
        price = Price(0.0, 0.0)
    settings = _settings(kind, address, options)
    return Model(name or endpoint.name, endpoint, limits, price, kind == "answers", settings)


def _settings(kind: str, address: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What answers depend on. ``extra`` may hold anything, a key by mistake: its hash tells whether it changed."""
    place = address.removeprefix(f"{kind}:")
    told = {name: value for name, value in options.items() if name not in _UNSEALED}
    if "extra" in told:
        text = json.dumps(told["extra"], sort_keys=True, default=str)
        told["extra"] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
    where = str(Path(place).resolve()) if kind in _PATHS else re.split(r"[#?]", place, maxsplit=1)[0]
    return {"address": f"{kind}:{where}", **dict(sorted(told.items()))}


def _kind(text: str, where: str) -> tuple[str, str]:
    """The kind of an address, and the address with its kind before it."""
    kind, colon, _ = text.partition(":")
    if colon and kind in ENDPOINTS.names():
        return kind, text
    path = Path(text)
    if path.is_dir():
        return "transformers", f"transformers:{text}"
    if path.suffix == ".jsonl":
        return "answers", f"answers:{text}"
    shown = text if "://" not in text and "@" not in text else "…"
    raise UsageError(f"no model is known as {shown}", where, _DO)
