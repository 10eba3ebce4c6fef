"""``dossier.pdf``: the page on paper (WeasyPrint), tagged, with bookmarks and metadata, the same bytes for the same
page.

PDF/A-3a (ISO 19005-3): for archives, fonts within, with its structure for screen readers, and the table of accounts and
dossier.json attached. Nothing is loaded: the only thing that may be fetched is nothing, so every address is refused.
Fonts are those of the machine (`FAMILIES` in dossier.css, else what fontconfig puts in their place); which were used is
told, for another font gives other bytes.
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from stillwatch.errors import InputError, PluginError
from stillwatch.registry import load

__all__ = ["VARIANT", "Paper", "make_paper"]

VARIANT = "pdf/a-3a"
_EPOCH = "SOURCE_DATE_EPOCH"
_ONE_AT_A_TIME = threading.Lock()
"""The time of subset fonts is told to their library by the environment, which all threads share."""


class Paper(NamedTuple):
    """A paper: its bytes, the names of the fonts in it, and what it was made with."""

    data: bytes
    fonts: tuple[str, ...]
    made_with: dict[str, str]


def make_paper(page: str, dated: dt.datetime, attached: Mapping[str, bytes]) -> Paper:
    """Lay a page out. Raises `PluginError` where WeasyPrint or a library of the system that it needs is missing."""
    fonts: set[str] = set()

    def look(document: Any, pdf: Any) -> None:
        for thing in pdf.objects:
            name = thing.get("FontName") if isinstance(thing, dict) else None
            if name is not None:
                fonts.add(_plain(name))

    with _ONE_AT_A_TIME, _dated(dated), _quiet():
        library = _library()
        files = [
            library.Attachment(
                string=data, name=name, description=name, relationship="Data", created=dated, modified=dated
            )
            for name, data in attached.items()
        ]
        document = library.HTML(string=page, base_url=None, url_fetcher=_refuse, media_type="print")
        data: bytes = document.write_pdf(
            pdf_variant=VARIANT, pdf_tags=True, attachments=files, finisher=look, custom_metadata=False
        )
    made_with = {"weasyprint": library.__version__, "pango": _pango(), "variant": VARIANT}
    return Paper(data, tuple(sorted(fonts)), made_with)


def _library() -> Any:
    try:
        load("weasyprint:HTML")
    except PluginError as error:
        raise PluginError(error.what, "dossier", "pip install 'stillwatch[dossier]', or give --no-pdf") from error
    except OSError as error:  # Pango is no package of Python's
        raise PluginError(
            f"a library of the system is missing ({str(error)[:120]})", "weasyprint", "install Pango, or give --no-pdf"
        ) from error
    return importlib.import_module("weasyprint")


def _pango() -> str:
    """The version of the library that shapes the text: 15012 is 1.50.12."""
    number: int = load("weasyprint.text.ffi:pango").pango_version()
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"


def _plain(name: object) -> str:
    """The name of a font without the six letters that mark a subset."""
    text = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
    return re.sub(r"\A/?[A-Z]{6}\+", "", text).lstrip("/")


def _refuse(url: str, *rest: object, **more: object) -> dict[str, Any]:
    raise InputError("is not loaded: a dossier holds all that it shows", url[:200])


@contextmanager
def _dated(at: dt.datetime) -> Iterator[None]:
    before = os.environ.get(_EPOCH)
    os.environ[_EPOCH] = str(int(at.timestamp()))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_EPOCH, None)
        else:
            os.environ[_EPOCH] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing that the library has to say of a page reaches a terminal: it would quote it."""
    loggers = [logging.getLogger(name) for name in ("weasyprint", "weasyprint.progress", "fontTools")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate = propagate
