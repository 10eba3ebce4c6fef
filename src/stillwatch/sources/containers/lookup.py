"""Tables on disk that are asked by key: what other files tell of an exchange, when memory may not grow with them."""

from __future__ import annotations

import hashlib
import sqlite3

__all__ = ["key_digest", "lookup_table"]


def lookup_table(schema: str) -> sqlite3.Connection:
    """An empty SQLite table made by the statements of ``schema``, in a file without a name.

    SQLite makes a file that only this user can open, and removes its name at once: however the process ends, nothing
    is left of what people wrote.
    """
    table = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    table.executescript(
        "pragma temp_store=file; pragma journal_mode=off; pragma synchronous=off; pragma cache_size=-65536;" + schema
    )
    return table


def key_digest(key: str) -> bytes:
    """16 bytes that stand for a key of any length."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
