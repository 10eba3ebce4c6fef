"""The arithmetic, by the library openmined-psi: points of the curve P-256 (NIST FIPS 186-5) under secret keys.

Method: intersection by commutative encryption (Meadows 1986; Huberman, Franklin, Hogg 1999), as openmined-psi does it.
A value is hashed to a point and multiplied by a key; two keys commute, so a point under both keys is the same whoever
began. The setup holds every point of the offering side (`RAW`): nothing is approximated, so there are no false matches.

The library lets other threads run while it works, so all cores are used from one process. None of its objects is used
by two threads: each piece of work makes its own from the key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from loky import cpu_count

from stillwatch.errors import InputError, PluginError
from stillwatch.progress import Progress
from stillwatch.registry import load

__all__ = ["POINT", "Points", "common", "common_size", "fresh_key", "library", "masked", "remasked", "setup_of"]

POINT = 33
"""Bytes of a compressed point (SEC 1, section 2.3.3)."""
Points = npt.NDArray[np.bytes_]
"""Points as an array (n,) of ``S33``. NumPy drops zeros at the end of one, so bytes are taken from the whole array."""

_MODULE = "private_set_intersection.python"
_PIECE = 8192
Piece = TypeVar("Piece")
Done = TypeVar("Done")


def library() -> str:
    """Name and version of the library. Raises `PluginError` with the line for pip where it is not installed."""
    _library("DataStructure")
    try:
        return f"openmined-psi {version('openmined-psi')}"
    except PackageNotFoundError:
        return "openmined-psi"


def fresh_key() -> bytes:
    """A secret key, 32 bytes, from the system's generator of random numbers."""
    key: bytes = _library("server").CreateWithNewKey(True).GetPrivateKeyBytes()
    return key


def setup_of(key: bytes, texts: Sequence[str], progress: Progress) -> Points:
    """The points of the offering side's texts under its key, in the order of their bytes, which says nothing of the
    texts. ``texts`` are distinct; none give no points."""
    server, raw = _library("server"), _library("DataStructure").RAW

    def work(piece: Sequence[str]) -> list[bytes]:
        made = server.CreateFromKey(key, True).CreateSetupMessage(0.0, len(piece), list(piece), raw)
        return list(made.raw.encrypted_elements)

    progress.step("hiding our artefacts", len(texts))
    return np.sort(_array(_pieces(work, texts, progress)))


def masked(key: bytes, texts: Sequence[str], count_only: bool, progress: Progress) -> Points:
    """The points of the asking side's texts under its key, in the order of ``texts``."""
    client = _library("client")

    def work(piece: Sequence[str]) -> list[bytes]:
        return list(client.CreateFromKey(key, not count_only).CreateRequest(list(piece)).encrypted_elements)

    progress.step("hiding our artefacts", len(texts))
    return _array(_pieces(work, texts, progress))


def remasked(key: bytes, points: Points, count_only: bool, progress: Progress) -> Points:
    """The asking side's points under both keys: in their order, or, to tell only a number, in the order of their
    bytes, so that nobody can say which belongs to which. Raises `InputError` for what is no point of the curve."""
    server, request = _library("server"), _library("Request")

    def work(piece: Points) -> list[bytes]:
        asked = request(reveal_intersection=not count_only, encrypted_elements=_bytes_of(piece))
        try:
            return list(server.CreateFromKey(key, not count_only).ProcessRequest(asked).encrypted_elements)
        except RuntimeError:
            raise InputError("holds what is no point of the curve", do="ask its sender to make it anew") from None

    progress.step("answering", len(points))
    answered = _array(_pieces(work, points, progress))
    return np.sort(answered) if count_only else answered


def common(key: bytes, setup: Points, response: Points, progress: Progress) -> list[int]:
    """Places of the asking side's texts that the offering side has too, ascending. Raises `InputError`."""
    found: list[int] = []
    for start, places in _compared(key, setup, response, False, progress):
        found += [start + place for place in places]
    return sorted(found)


def common_size(key: bytes, setup: Points, response: Points, progress: Progress) -> int:
    """How many texts both have. Raises `InputError`."""
    return sum(size for _, size in _compared(key, setup, response, True, progress))


def _compared(key: bytes, setup: Points, response: Points, count_only: bool, progress: Progress) -> list[Any]:
    """For each piece of the response its beginning and what of it is in the setup.

    Every piece reads the whole setup anew, so pieces grow with it: reading is then a twentieth of the work.
    """
    client, whole, answer = _library("client"), _library("ServerSetup")(), _library("Response")
    if not len(setup) or not len(response):
        return []
    whole.raw.encrypted_elements.extend(_bytes_of(setup))
    step = max(len(setup) // 8, _PIECE)

    def work(start: int) -> tuple[int, Any]:
        piece = answer(encrypted_elements=_bytes_of(response[start : start + step]))
        ours = client.CreateFromKey(key, not count_only)
        try:
            return start, (ours.GetIntersectionSize if count_only else ours.GetIntersection)(whole, piece)
        except RuntimeError:
            raise InputError("holds what is no point of the curve", do="ask its sender to make it anew") from None

    starts = range(0, len(response), step)
    progress.step("comparing", len(response))
    return _at_once(work, starts, lambda _: progress.advance(step))


def _pieces(work: Callable[[Any], list[bytes]], given: Any, progress: Progress) -> list[bytes]:
    pieces = [given[start : start + _PIECE] for start in range(0, len(given), _PIECE)]
    done = _at_once(work, pieces, lambda points: progress.advance(len(points)))
    return [point for points in done for point in points]


def _at_once(work: Callable[[Piece], Done], given: Sequence[Piece], tell: Callable[[Done], None]) -> list[Done]:
    """``work`` of each, in order, on all cores; an error or an interrupt drops what has not begun."""
    pool = ThreadPoolExecutor(max(cpu_count(), 1))
    results: list[Done] = []
    try:
        for result in pool.map(work, given):
            results.append(result)
            tell(result)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def _array(points: list[bytes]) -> Points:
    if any(len(point) != POINT for point in points):
        raise InputError("holds what is no point of the curve", do="ask its sender to make it anew")
    return np.frombuffer(b"".join(points), dtype=f"S{POINT}")


def _bytes_of(points: Points) -> list[bytes]:
    flat = points.tobytes()
    return [flat[start : start + POINT] for start in range(0, len(flat), POINT)]


def _library(name: str) -> Any:
    try:
        return load(f"{_MODULE}:{name}")
    except PluginError as error:
        raise PluginError(
            "private matching needs the library openmined-psi", do="pip install 'stillwatch[psi]'"
        ) from error
