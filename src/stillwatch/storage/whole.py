"""A small file that is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from stillwatch.storage.disk import disk_errors

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``; whoever looks sees what was there before or all of it. Raises `StorageError`."""
    partial = path.with_name(f".{path.name}.partial")
    with disk_errors(path):
        try:
            partial.write_bytes(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
