"""The three messages as files that people pass on by hand, and what each side keeps between them.

What a side keeps holds a secret key, and the asking side's its artefacts: made with mode 0600, never to be passed on.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.progress import Progress
from stillwatch.sharing.private import messages, recorded
from stillwatch.sharing.private.items import Items
from stillwatch.sharing.private.messages import Mode
from stillwatch.sharing.private.protocol import Ask, AskState, Limits, Offer, OfferState, Outcome
from stillwatch.storage.disk import disk_errors

__all__ = ["answer", "ask", "finish", "offer", "read_message", "write_private"]

MOST_KEPT = 1024 * 1024 * 1024
State = TypeVar("State", OfferState, AskState)
Result = TypeVar("Result")


def offer(items: Items, mode: Mode, peer: str, *, setup: Path, keep: Path, book: Path, progress: Progress) -> None:
    """Write the setup for the peer to ``setup``, what this side needs to answer to ``keep``; neither may exist."""
    _free(setup, keep)
    begun, message = recorded.begin_offer(items, mode, peer, book, progress)
    _both(keep, msgspec.msgpack.encode(begun.state), setup, message)


def ask(
    setup: Path, items: Items, mode: Mode, peer: str, *, request: Path, keep: Path, book: Path, progress: Progress
) -> int:
    """Read the peer's setup, write the request for it; how many artefacts the peer offers. Raises `InputError`."""
    _free(request, keep)
    begun, message, offered = _told_of(
        setup, lambda: recorded.begin_ask(read_message(setup), items, mode, peer, book, progress)
    )
    _both(keep, msgspec.msgpack.encode(begun.state), request, message)
    return offered


def answer(
    request: Path, *, keep: Path, response: Path, book: Path, limits: Limits, progress: Progress
) -> tuple[str, ...]:
    """Read the peer's request, write the response to it, and say what to look at before it is passed on.

    The key is wiped before the response is there: where writing fails, a new offer has to be made, but no second
    request is ever answered under the key. Raises `InputError`.
    """
    _free(response)
    with _alone(keep):
        begun = Offer(_kept(keep, OfferState))
        message, lines = _told_of(
            request, lambda: recorded.answer(begun, read_message(request, limits.most), book, limits, progress)
        )
        write_private(keep, msgspec.msgpack.encode(begun.state))
    write_private(response, message)
    return lines


def finish(
    response: Path,
    *,
    keep: Path,
    names: bool,
    book: Path,
    progress: Progress,
    safe: Callable[[Outcome], object],
) -> Outcome:
    """Read the peer's response: what both have. ``keep`` is removed once ``safe`` has put the outcome away.

    ``names`` says whether the user expects artefacts or a number. Raises `UsageError` where the session is not one of
    that kind, `InputError` for a response that does not belong to it.
    """
    begun = Ask(_kept(keep, AskState))
    if (begun.state.mode == "items") != names:
        wrong, do = ("names artefacts", "give --out") if not names else ("counts only", "leave --out out")
        raise UsageError(f"is of a session that {wrong}", keep, do)
    outcome = _told_of(response, lambda: recorded.finish(begun, read_message(response), book, progress))
    safe(outcome)
    keep.unlink(missing_ok=True)
    return outcome


def read_message(path: Path, most: int = messages.MOST_ITEMS) -> bytes:
    """The bytes of a message file. Raises `InputError` for one that cannot be read or is too large, before reading it
    whole."""
    try:
        with path.open("rb") as file:
            data = file.read(messages.largest(most) + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    if len(data) > messages.largest(most):
        raise InputError(f"is larger than a message of {most:,} artefacts", path, "agree on smaller sets")
    return data


def write_private(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all, readable by this user only (0600). Raises `StorageError`."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with disk_errors(path):
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            os.replace(partial, path)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", path, "name another file") from error
        finally:
            partial.unlink(missing_ok=True)


def _both(keep: Path, kept: bytes, out: Path, message: bytes) -> None:
    """What is kept and the message that it belongs to, or neither."""
    write_private(keep, kept)
    try:
        write_private(out, message)
    except BaseException:
        keep.unlink(missing_ok=True)
        raise


def _told_of(path: Path, step: Callable[[], Result]) -> Result:
    """What ``step`` returns; an error about a message without a place gets the file's name."""
    try:
        return step()
    except InputError as error:
        if error.where is not None:
            raise
        raise InputError(error.what, path, error.do) from None


def _free(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise UsageError("is there already", path, "name a new file: a session's files are not used twice")


@contextmanager
def _alone(keep: Path) -> Iterator[None]:
    """Two processes never answer under one key: the second waits and finds it wiped."""
    try:
        file = keep.open("rb")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", keep) from error
    with file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def _kept(path: Path, form: type[State]) -> State:
    try:
        if path.stat().st_size > MOST_KEPT:
            raise InputError("is no kept side of a session", path)
        return msgspec.msgpack.decode(path.read_bytes(), type=form)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "is no kept side of a session, or of the other side", path, "name the file of --keep"
        ) from None
