"""A run's directory, written beside its place and moved there in one step when it is whole.

While a run works, its results lie in ``.NAME.staging-…`` next to ``NAME``. A lock that the system drops with the
process tells a run that works from one that was killed: the next run removes what a killed one left. Where an old
run is replaced it moves to ``.NAME.replaced-…`` first, and comes back if the process dies between the two moves.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import StorageError, UsageError
from stillwatch.storage.disk import disk_errors

__all__ = ["MANIFEST", "check_place", "is_run", "new_run"]

MANIFEST = "manifest.json"
LOCK = ".lock"


def is_run(directory: Path) -> bool:
    """Whether a directory is a run of Stillwatch: it holds a manifest."""
    return (directory / MANIFEST).is_file()


@contextmanager
def new_run(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A directory to write into, which becomes ``out`` when the block ends well, and nothing at all when it does not.

    An existing ``out`` must be empty, or a run and ``overwrite`` given. Missing folders above it are made.

    Raises `UsageError` for a place that is taken, `StorageError` where the disk is full or refuses. The block's
    own errors pass through after everything written is removed.
    """
    out = Path(os.path.abspath(out))
    check_place(out, overwrite=overwrite)
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        _recover(out)
        check_place(out, overwrite=overwrite)
        staging = out.parent / f".{out.name}.staging-{secrets.token_hex(4)}"
        staging.mkdir(mode=0o755)
        try:
            with _locked(staging):
                yield staging
                _settle(staging)
                _move(staging, out)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def check_place(out: Path, *, overwrite: bool) -> None:
    """Raises `UsageError` where a run may not become ``out``: a file, a folder of other things, a run to be kept."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError("is a file", out, "name a directory with --out")
    if any(out.iterdir()):
        if not is_run(out):
            raise UsageError("holds files that are no run of Stillwatch", out, "name another directory with --out")
        if not overwrite:
            raise UsageError("holds a run already", out, "name another directory, or give --overwrite")


@contextmanager
def _locked(staging: Path) -> Iterator[None]:
    with open(staging / LOCK, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _abandoned(staging: Path) -> bool:
    try:
        with open(staging / LOCK, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _recover(out: Path) -> None:
    """Removes what killed runs left beside ``out``; a run that was being replaced comes back."""
    for replaced in sorted(out.parent.glob(_pattern(out, "replaced"))):
        if out.exists():
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            replaced.rename(out)
    for staging in out.parent.glob(_pattern(out, "staging")):
        if _abandoned(staging):
            shutil.rmtree(staging, ignore_errors=True)


def _pattern(out: Path, what: str) -> str:
    name = "".join(f"[{c}]" if c in "*?[" else c for c in out.name)
    return f".{name}.{what}-" + "[0-9a-f]" * 8


def _settle(staging: Path) -> None:
    """Everything written is on the disk, and only what belongs to the run."""
    for parent, _, files in os.walk(staging):
        for name in files:
            _sync(os.path.join(parent, name))
        _sync(parent)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(staging: Path, out: Path) -> None:
    (staging / LOCK).unlink()
    replaced: Path | None = None
    if out.exists() and any(out.iterdir()):
        replaced = out.parent / f".{out.name}.replaced-{secrets.token_hex(4)}"
        out.rename(replaced)
    try:
        staging.rename(out)
    except OSError as error:
        if replaced is not None:
            replaced.rename(out)
        raise StorageError(f"cannot be moved into place: {error.strerror}", out) from error
    _sync(str(out.parent))
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)
