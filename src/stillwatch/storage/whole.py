"""Small files that are there whole or not at all, and keys, which are never written over."""

from __future__ import annotations

import os
from pathlib import Path

from stillwatch.errors import StorageError, UsageError
from stillwatch.storage.disk import disk_errors

__all__ = ["write_key", "write_whole"]


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write ``data`` to ``path``; whoever looks sees what was there before or all of it. Raises `StorageError`.

    ``private``: only its owner ever can look.
    """
    partial = path.with_name(f".{path.name}.partial")
    with disk_errors(path):
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
            with os.fdopen(descriptor, "wb") as file:
                if private:  # one that was left behind keeps its rights
                    os.fchmod(descriptor, 0o600)
                file.write(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_key(path: Path, secret: bytes) -> None:
    """Write ``secret`` in hexadecimal digits to a new file that only its owner can read.

    Raises `UsageError` for a file that exists: a key that is overwritten cannot be had back. Raises `StorageError`
    where none can be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError("exists already, and a key is never overwritten", path, "name another file") from None
    except OSError as error:
        raise StorageError(f"cannot be made: {error.strerror}", path, "name another file") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret.hex().encode() + b"\n")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StorageError(f"cannot be written: {error.strerror}", path, "name another file") from error
