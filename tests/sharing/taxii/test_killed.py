"""``kill -9`` of the server under load: whatever it said it had accepted is there afterwards, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from tests.sharing.taxii.offered import BULLETINS, OFFER, identifier, indicator

ROOT = Path(__file__).parents[3]
OBJECTS = f"/peers/collections/{BULLETINS}/objects/"


class Process:
    """`stillwatch share serve` as a user runs it."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "stillwatch", "share", "serve", "--store", str(folder), "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--config", str(folder / "share.toml")],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        assert line.startswith("serving http://127.0.0.1:")
        self.url = line.split()[1].removesuffix("/taxii2/")

    def stop(self, number: int) -> int:
        """Send a signal and wait."""
        self._process.send_signal(number)
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@pytest.fixture
def folder(tmp_path: Path, secrets: tuple[bytes, dict[str, str]]) -> Path:
    (tmp_path / "users.json").write_bytes(secrets[0])
    (tmp_path / "share.toml").write_text(OFFER)
    return tmp_path


def client(url: str, secrets: tuple[bytes, dict[str, str]]) -> httpx2.Client:
    headers = {"accept": MEDIA_TYPE, "content-type": MEDIA_TYPE}
    return httpx2.Client(base_url=url, auth=("alpha", secrets[1]["alpha"]), headers=headers, timeout=20)


class Load:
    """Three senders that never stop, and what the server told them that it had accepted."""

    def __init__(self, url: str, secrets: tuple[bytes, dict[str, str]], first: int) -> None:
        self._url, self._secrets = url, secrets
        self._stop, self.enough = threading.Event(), threading.Event()
        self.accepted: list[int] = []
        self.statuses: list[str] = []
        self.sent = 0
        self._threads = [threading.Thread(target=self._send, args=(first + 10_000 * lane,)) for lane in range(3)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the senders."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int) -> None:
        with client(self._url, self._secrets) as connection:
            while not self._stop.is_set():
                numbers = range(number, number + 5)
                number += 5
                self.sent += 5
                try:
                    told = connection.post(OBJECTS, json={"objects": [indicator(one) for one in numbers]})
                except httpx2.HTTPError:
                    return
                if told.status_code == 202 and told.json()["success_count"] == 5:
                    self.accepted.extend(numbers)
                    self.statuses.append(told.json()["id"])
                    if len(self.statuses) >= 20:
                        self.enough.set()


def test_no_accepted_object_is_lost(folder: Path, secrets: tuple[bytes, dict[str, str]]) -> None:
    loads: list[Load] = []
    for round_ in range(3):
        server = Process(folder)
        loads.append(Load(server.url, secrets, 100_000 * round_))
        assert loads[-1].enough.wait(60)
        server.stop(signal.SIGKILL)  # while three requests are under way
        loads[-1].stop()
    accepted = [number for load in loads for number in load.accepted]
    statuses = [status for load in loads for status in load.statuses]
    server = Process(folder)
    found: list[str] = []
    with client(server.url, secrets) as connection:
        query: dict[str, str] = {}
        while True:
            page = connection.get(OBJECTS, params=query).json()
            found += [one["id"] for one in page.get("objects", [])]
            if not page.get("more"):
                break
            query = {"next": page["next"]}
        assert all(connection.get(f"/peers/status/{one}/").status_code == 200 for one in statuses[::10])
        rows = connection.get(f"/peers/collections/{BULLETINS}/manifest/").json()["objects"]
    assert server.stop(signal.SIGTERM) == 0
    assert len(accepted) >= 300
    assert {identifier("indicator", number) for number in accepted} <= set(found)
    assert len(set(found)) == len(found) <= sum(load.sent for load in loads)
    dates = [row["date_added"] for row in rows]
    assert dates == sorted(set(dates))


def test_it_stops_when_it_is_asked_to(folder: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        assert Process(folder).stop(number) == 0
