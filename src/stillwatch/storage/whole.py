"""A small file that is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from stillwatch.storage.disk import disk_errors

__all__ = ["write_whole"]


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
