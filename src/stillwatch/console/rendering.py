"""Templates and what they load: all that is filled in is escaped, and nothing comes from elsewhere."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import mimetypes
from importlib import resources
from typing import NamedTuple

import jinja2

from stillwatch.campaigns import wording
from stillwatch.console.paths import link

__all__ = ["STATIC", "Asset", "assets", "environment", "static"]

STATIC = "/static/"
_PACKAGE = "stillwatch.console"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file that pages load. ``version`` is the beginning of its SHA-256."""

    content: bytes
    media_type: str
    version: str


@functools.cache
def assets() -> dict[str, Asset]:
    """All files of ``static/`` by name, read once: what a request asks for is looked up here and never on a disk."""
    found: dict[str, Asset] = {}
    for file in resources.files(_PACKAGE).joinpath("static").iterdir():
        if file.is_file() and not file.name.startswith("."):
            content, ending = file.read_bytes(), "." + file.name.rpartition(".")[2]
            guessed = _TYPES.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")
            kind = f"{guessed}; charset=utf-8" if guessed.startswith("text/") else guessed
            found[file.name] = Asset(content, kind, hashlib.sha256(content).hexdigest()[:16])
    return found


def static(name: str) -> str:
    """The address of a file of ``static/``, another once the file has changed. Raises KeyError for one not there."""
    return f"{STATIC}{name}?v={assets()[name].version}"


def _moment(seconds: float) -> str:
    """A time since 1970 as people write it, in UTC."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M} UTC"


@functools.cache
def environment() -> jinja2.Environment:
    """Where pages are rendered. ``shown`` makes text from a log safe to look at, ``moment`` writes a time, ``link`` and
    ``static`` give addresses, ``words`` is `stillwatch.campaigns.wording`."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"shown": wording.visible, "moment": _moment}
    made.globals |= {"link": link, "static": static, "words": wording}
    return made
