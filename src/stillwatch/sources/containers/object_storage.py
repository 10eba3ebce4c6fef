"""Logs where an address says they are: ``s3://bucket/logs/``, ``gs://...``, ``az://...``, ``https://...``.

fsspec finds the driver of the address's scheme, which is installed by itself (``pip install s3fs`` and so on), and its
credentials where that driver looks for them: in the environment or its own files. An address that holds credentials is
refused, since a run keeps the names of its files.
"""

from __future__ import annotations

import glob
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from stillwatch.errors import InputError, PluginError, StillwatchError, one_line

__all__ = ["find_objects", "is_url", "objects_in", "open_object"]


def is_url(location: str | os.PathLike[str]) -> bool:
    """Whether a location is an address rather than a path of this machine."""
    scheme, mark, _ = os.fspath(location).partition("://")
    return bool(mark) and scheme.replace("+", "").isalnum()


def find_objects(url: str) -> list[str]:
    """The addresses of the objects that ``url`` names: one, all below a folder, or a pattern; none where nothing is.

    Hidden and empty ones below a folder are passed over. Raises `InputError` where they cannot be listed, and
    `PluginError` where the driver of the scheme is not installed.
    """
    with _one_line(url):
        system, path = _system(url)
        if glob.has_magic(path):
            found = system.glob(path)
        elif system.isdir(path):
            sizes = system.find(path, detail=True)
            found = [name for name, about in sizes.items() if about.get("size") != 0 and not _hidden(name, path)]
        else:
            found = [path] if system.exists(path) else []
        return sorted(system.unstrip_protocol(name) for name in found if not system.isdir(name))


def objects_in(folder: str) -> list[tuple[str, int]]:
    """The addresses of the objects in a folder, none below it, and their sizes. Raises as `find_objects` does."""
    with _one_line(folder):
        system, path = _system(folder)
        found = [about for about in system.ls(path, detail=True) if about.get("type") == "file"]
        return [(system.unstrip_protocol(about["name"]), int(about.get("size") or 0)) for about in found]


def open_object(url: str) -> IO[bytes]:
    """The bytes of one object, read piece by piece. Raises as `find_objects` does."""
    with _one_line(url):
        system, path = _system(url)
        return cast(IO[bytes], system.open(path, "rb"))


def _hidden(name: str, folder: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix(folder).split("/"))


def _system(url: str) -> tuple[Any, str]:
    system, path = importlib.import_module("fsspec.core").url_to_fs(url)  # slow to import, and seldom needed
    return system, path


@contextmanager
def _one_line(url: str) -> Iterator[None]:
    """Whatever a driver raises becomes one line; an address with credentials is quoted nowhere."""
    scheme, _, rest = url.partition("://")
    if "@" in rest.split("/", 1)[0]:
        raise InputError(
            "holds credentials", f"{scheme}://...", "leave them out: the driver finds them in the environment"
        )
    try:
        yield
    except StillwatchError:
        raise
    except ImportError as error:
        raise PluginError(f"needs a driver: {one_line(error)[:120]}", url) from error
    except Exception as error:
        raise InputError(f"cannot be read ({type(error).__name__}: {one_line(error)[:120]})", url) from error
