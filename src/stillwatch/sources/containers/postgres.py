"""A table in PostgreSQL, read row by row: nothing is changed there, memory is bounded, and no password is ever shown.

The driver (psycopg 3) is an extra, and is imported when the first row is asked for.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import InputError, PluginError, one_line

__all__ = ["is_address", "shown", "table_rows"]

SCHEMES = ("postgresql:/", "postgres:/")
ROWS_AT_A_TIME = 500
CONNECT_SECONDS = 15
HIDDEN = "postgresql://..."
UNREADABLE = "is no address of a database; write signs like @ : / # in a user's name or password as %40 %3A %2F %23"


def is_address(location: str | os.PathLike[str]) -> bool:
    """Whether a location names a database rather than files."""
    return os.fspath(location).lower().startswith(SCHEMES)


def shown(address: str | os.PathLike[str]) -> str:
    """A database's address without the password and without options: what may be printed and kept.

    Raises `InputError`, which quotes nothing of it, where it cannot be told what in the address is the password.
    """
    text = os.fspath(address)
    try:
        parts = urlsplit(text)
        user, host, port = parts.username, parts.hostname, parts.port
    except ValueError:
        raise InputError(UNREADABLE, HIDDEN) from None
    at = text.count("@")
    if parts.fragment or at > 1 or at != parts.netloc.count("@") or not text.startswith(f"{parts.scheme}://"):
        raise InputError(UNREADABLE, HIDDEN)
    server = (f"{user}@" if user else "") + (f"[{host}]" if host and ":" in host else host or "")
    return f"postgresql://{server}{f':{port}' if port else ''}{parts.path}"


def table_rows(address: str, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a table, ordered by the columns ``order``; each as the texts of those of ``columns`` that it has.

    A null is left out. Times are UTC. One transaction that can only read, and a cursor on the server. Raises
    `InputError` where the database cannot be reached or has no such table, `PluginError` without the driver.
    """
    psycopg = _driver(address)
    with _connection(psycopg, address) as connection:
        connection.execute("SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true)")
        name, identifier = psycopg.sql.Identifier(table), psycopg.sql.Identifier
        statement = psycopg.sql.SQL("SELECT * FROM {} LIMIT 0").format(name)
        there = {column.name for column in connection.execute(statement).description or ()}
        missing = [column for column in order if column not in there]
        if missing:
            raise InputError(f"has no column {', '.join(missing)} in its table {table}", shown(address))
        taken = [column for column in columns if column in there]
        texts = [psycopg.sql.SQL("{}::text").format(identifier(column)) for column in taken]
        statement = psycopg.sql.SQL("SELECT {} FROM {} AS log ORDER BY {}").format(
            psycopg.sql.SQL(", ").join(texts),
            name,
            psycopg.sql.SQL(", ").join(identifier("log", column) for column in order),
        )
        with connection.cursor(name="stillwatch") as cursor:
            cursor.itersize = ROWS_AT_A_TIME
            cursor.execute(statement)
            for row in cursor:
                yield {column: text for column, text in zip(taken, row, strict=True) if text is not None}


def _driver(address: str) -> Any:
    try:
        return importlib.import_module("psycopg")
    except ImportError as error:
        raise PluginError(
            "needs the module psycopg, which is not installed", shown(address), "pip install 'stillwatch[postgres]'"
        ) from error


@contextmanager
def _connection(psycopg: Any, address: str) -> Iterator[Any]:
    """A connection whose every error is one line without the password."""
    where = shown(address)
    try:
        known = psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        raise InputError(UNREADABLE, HIDDEN) from None
    known.setdefault("connect_timeout", CONNECT_SECONDS)
    secrets = [str(known[name]) for name in ("password", "sslpassword") if known.get(name)]
    try:
        with psycopg.connect(**known) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection
    except psycopg.Error as error:
        text = one_line(error)
        for secret in secrets:
            text = text.replace(secret, "***")
        raise InputError(f"cannot be read ({text[:200]})", where) from None
