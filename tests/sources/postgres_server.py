"""A PostgreSQL server of a test's own, on the loopback; LACK says what is missing where there can be none."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stillwatch.errors import StillwatchError

SECRET = "n0t/for:anyone@all"
ENCODED = "n0t%2Ffor%3Aanyone%40all"
BINARIES = [Path(found).parent for found in [shutil.which("initdb")] if found]
BINARIES += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
SERVER = next((folder for folder in BINARIES if (folder / "initdb").exists() and (folder / "postgres").exists()), None)
DRIVER = importlib.util.find_spec("psycopg") is not None
LACK = "" if DRIVER else "psycopg is not installed: make producers"
LACK = LACK if SERVER else "there is no PostgreSQL server"


def _user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None  # the server refuses to be root


@contextmanager
def server() -> Iterator[int]:
    """A server on the loopback, with a user who may only read and whose password is SECRET."""
    assert SERVER is not None
    folder = tempfile.mkdtemp(prefix="stillwatch-postgres-")
    if _user():
        shutil.chown(folder, _user())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    words = Path(folder, "words")
    words.write_text(SECRET + "\n")
    words.chmod(0o644)
    quiet: dict[str, Any] = {"user": _user(), "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data = str(Path(folder, "data"))
    made = [SERVER / "initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", words, "-N", "-E", "UTF8"]
    subprocess.run(list(map(str, made)), check=True, **quiet)
    options = ["-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(number), "-F"]
    process = subprocess.Popen([str(SERVER / "postgres"), *options], **quiet)
    try:
        _wait(number)
        with connect(number) as connection:
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
            connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader")
        yield number
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def connect(port: int) -> Any:
    import psycopg  # noqa: PLC0415  (may be missing)

    return psycopg.connect(host="127.0.0.1", port=port, user="owner", password=SECRET, dbname="postgres")


def _wait(port: int) -> None:
    for _ in range(100):
        try:
            connect(port).close()
            return
        except Exception:
            time.sleep(0.1)
    raise TimeoutError("the server does not start")


def address(port: int, password: str = ENCODED, database: str = "postgres") -> str:
    return f"postgresql://reader:{password}@127.0.0.1:{port}/{database}"


def keeps_secrets(error: StillwatchError) -> None:
    text = f"{error} {error.__cause__}"
    assert "\n" not in str(error)
    assert not [secret for secret in (SECRET, ENCODED, "wr0ng", "anyone", "n0t") if secret in text]
