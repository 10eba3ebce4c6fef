"""Which store a gateway keeps its state in, and under which name."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from pathlib import Path

from stillwatch.errors import InputError, StorageError
from stillwatch.gateway.stores.base import Change, News, Store
from stillwatch.registry import load
from stillwatch.storage.whole import write_whole

__all__ = ["Place", "agreed_key", "claim_place", "open_store"]

REDIS = ("redis://", "rediss://", "unix://")
MOST_PROCESSES = 256


class Place:
    """A place among the processes that share a state's folder: held until `leave` or the process's end."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self._descriptor = name, descriptor

    def leave(self) -> None:
        """Let another process have it."""
        os.close(self._descriptor)


def claim_place(state: Path) -> Place:
    """The name under which this process keeps its totals: the same again after a restart, never that of a process that
    runs beside it. Raises `StorageError` where the folder cannot be written."""
    folder = state / "gateways"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "id"
        if not path.exists():
            write_whole(path, secrets.token_hex(8).encode())
        name = path.read_text("ascii").strip()
        for number in range(MOST_PROCESSES):
            descriptor = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return Place(f"{name}-{number}", descriptor)
            except BlockingIOError:
                os.close(descriptor)
    except OSError as error:
        raise StorageError(f"the state cannot be written: {error.strerror}", state, "name another --state") from error
    raise StorageError(f"{MOST_PROCESSES} gateways use it already", state, "name another --state")


def open_store(state: Path, url: str | None, gateway: str = "") -> Store:
    """The store in the folder ``state`` (SQLite), or at ``url`` (any server that speaks Redis's protocol).

    ``gateway`` is the name of this one's totals ("" for who only puts and reads changes). Nothing is asked of a server
    yet. Raises `InputError` for a URL of another kind, or a file that is no store.
    """
    if url is None:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        embedded: Store = load("stillwatch.gateway.stores.embedded:EmbeddedStore")(state / "state.sqlite", gateway)
        return embedded
    if not url.startswith(REDIS):
        raise InputError("is no store", url, f"give an address that begins with {', '.join(REDIS)}")
    server: Store = load("stillwatch.gateway.stores.redis:RedisStore")(url, gateway)
    return server


def agreed_key(news: News, fallback: bytes) -> tuple[bytes, list[Change]]:
    """The secret that all gateways of a store share (for roll-outs, references and profiles), and the change that keeps
    it. A new store's is drawn from its epoch, so that two that open it at once agree; ``fallback`` is what this
    gateway had before, which it brings along to a store that lost its memory (b"" for none)."""
    for one in news.changes:
        if one.kind == "key" and one.body is not None:
            return bytes.fromhex(one.body.decode("ascii").strip('"')), []
    key = fallback or hashlib.blake2b(news.epoch.encode(), digest_size=32, person=b"stillwatch key").digest()
    return key, [Change("key", "key", f'"{key.hex()}"'.encode())]
