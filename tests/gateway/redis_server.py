"""A real Redis server for tests: on a free port, in a folder of its own, and mortal."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import redis

BINARY = shutil.which("redis-server", path=str(Path(sys.executable).parent)) or shutil.which("redis-server")


class RedisServer:
    """``lasting`` servers write every command to a file before they answer, and have it all again after a kill."""

    def __init__(self, folder: Path, *, lasting: bool = True) -> None:
        self.folder, self.lasting = folder, lasting
        folder.mkdir(exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        assert BINARY is not None
        lasts = ["--appendonly", "yes", "--appendfsync", "always"] if self.lasting else ["--appendonly", "no"]
        quiet = ["--save", "", "--bind", "127.0.0.1", "--dir", str(self.folder), "--logfile", str(self.folder / "log")]
        self.process = subprocess.Popen([BINARY, "--port", str(self.port), *quiet, *lasts], stdout=subprocess.DEVNULL)
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.RedisError:
                time.sleep(0.05)
        else:
            raise RuntimeError("redis-server does not answer")
        client.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
