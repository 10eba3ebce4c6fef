"""Who we are to a peer's server: from the environment or a file of ours, sent to that server, shown nowhere."""

from __future__ import annotations

import base64
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from stillwatch.asking.keys import Secrets, from_environment
from stillwatch.errors import UsageError

__all__ = ["Login", "read_login"]

_OPTION = "--login"
_MOST_BYTES = 4096
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)


class Login(NamedTuple):
    """The ``Authorization`` header, and what of it must never be shown."""

    header: str
    secrets: Secrets

    def __repr__(self) -> str:
        return "Login(hidden)"


def read_login(text: str) -> Login:
    """What ``env:NAME`` or ``file:PATH`` holds: ``USER:PASSWORD`` (HTTP Basic), or a bearer token, which has no colon.

    Raises `UsageError`, never quoting what it holds; for a file too that others can read.
    """
    kind, _, place = text.partition(":")
    if kind == "env":
        held = from_environment(text, _OPTION)
    elif kind == "file":
        held = _from_file(Path(place))
    else:
        raise UsageError("is neither env:NAME nor file:PATH", _OPTION, "a secret never stands on the command line")
    name, mark, password = held.partition(":")
    if mark:
        pair = base64.b64encode(held.encode()).decode()
        return Login(f"Basic {pair}", Secrets((password, pair)))
    if not _TOKEN.fullmatch(name):
        raise UsageError("holds neither USER:PASSWORD nor a bearer token", _OPTION)
    return Login(f"Bearer {name}", Secrets((name,)))


def _from_file(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UsageError("is no file", path)
            if found.st_mode & 0o077 or found.st_uid != os.geteuid():
                raise UsageError("can be read by others, or is another user's", path, f"chmod 600 {path}")
            held = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", path) from error
    text = held.decode("utf-8", "replace").strip()
    if not text or len(held) > _MOST_BYTES or not text.isprintable():
        raise UsageError("holds no log-in", path, "write USER:PASSWORD or a bearer token on one line")
    return text
