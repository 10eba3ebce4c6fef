"""Small files that are there whole or not at all, and keys, which are never written over."""

from __future__ import annotations

import os
from pathlib import Path

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.storage.disk import disk_errors

__all__ = ["read_key", "write_key", "write_whole"]


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


def read_key(path: Path, size: int, *, kind: str, made_by: str) -> bytes:
    """The ``size`` bytes that `write_key` wrote; messages call them a ``kind``, and name the command that makes one.

    Raises `InputError` for a file that cannot be read, holds none, or that others may read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(4 * size)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, f"make one with `{made_by}`") from error
    if mode & 0o077:
        raise InputError("can be read by other users of this machine", path, f"chmod 600 {path}")
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != size:
        raise InputError(f"holds no {kind}", path, f"it should be {2 * size} hexadecimal digits")
    return secret
