"""Errors of the disk, told apart from every other, whichever library reports them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import StillwatchError, StorageError

__all__ = ["disk_errors", "is_full"]

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_TEXTS = ("no space left on device", "disk quota exceeded", "file too large", "os error 28", "errno 28")
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG}


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that caused it, means that nothing more can be written.

    Libraries wrap the system's error in kinds of their own (Arrow, Polars, DuckDB); its words survive in their text.
    """
    return any(
        (isinstance(e, OSError) and e.errno in FULL) or any(text in str(e).lower() for text in FULL_TEXTS)
        for e in _chain(error)
        if not isinstance(e, StillwatchError)
    )


@contextmanager
def disk_errors(place: Path, kept: str = "nothing was kept") -> Iterator[None]:
    """Errors of the disk inside become one `StorageError` that names ``place``; every other passes unchanged.

    ``kept`` says what a full disk leaves of the work.
    """
    try:
        yield
    except StillwatchError:
        raise
    except Exception as error:
        if is_full(error):
            raise StorageError(f"the disk is full; {kept}", place, "free some space, or name another --out") from error
        if isinstance(error, OSError) and error.errno in REFUSED and str(place.parent) in str(error.filename):
            raise StorageError(f"cannot be written: {error.strerror}", place, "name another --out") from error
        raise
