"""Private matching over real sockets: two processes, TLS, and each side against a hostile other."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import httpx2
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Silent
from stillwatch.sharing.private.items import items_of
from stillwatch.sharing.private.protocol import Ask, Limits
from stillwatch.sharing.private.serving import MOST_REFUSED, Desk, Place, serve
from stillwatch.sharing.private.transcript import compare, read_entries
from stillwatch.sharing.private.web import REQUEST, SETUP, Peer, connect

TOKEN = "a-token-of-this-test"
OURS, THEIRS = [f"card-{n}" for n in range(60)], [f"card-{n}" for n in range(40, 100)]
STILLWATCH = (sys.executable, "-m", "stillwatch", "share", "psi")


@contextlib.contextmanager
def serving(folder: Path, place: Place | None = None, **options: Any) -> Iterator[tuple[str, Desk]]:
    """A desk at work in a thread; a test that leaves it open ends it."""
    given = {"peer": "asker", "token": TOKEN, "book": folder / "offering.jsonl", "limits": Limits()} | options
    desk = Desk(items_of("payment", OURS), "items", progress=Silent(), **given)
    said: Queue[object] = Queue()
    thread = threading.Thread(target=_told, args=(desk, place or Place(), said))
    thread.start()
    try:
        address = said.get(timeout=60)
        assert isinstance(address, str), address
        yield address, desk
    finally:
        desk.ended()
        thread.join(60)
    assert not thread.is_alive()


def _told(desk: Desk, place: Place, said: Queue[object]) -> None:
    try:
        serve(desk, place, said.put)
    except Exception as error:
        said.put(error)


def headers() -> dict[str, str]:
    return {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("count_only", [False, True])
def test_two_processes_learn_what_they_should_and_their_transcripts_agree(tmp_path: Path, count_only: bool) -> None:
    (tmp_path / "ours.txt").write_text("\n".join(OURS))
    (tmp_path / "theirs.txt").write_text("\n".join([*THEIRS, *THEIRS]))
    environment = {**os.environ, "STILLWATCH_PSI_TOKEN": TOKEN}
    options = ["--kind", "payment", *(["--count-only"] if count_only else [])]
    command = [*STILLWATCH, "serve", "--from", "ours.txt", "--peer", "them", "--transcript", "a.jsonl", *options]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as offering:
        assert offering.stdout is not None
        address = offering.stdout.readline().split()[-1]
        where = [] if count_only else ["--out", "common.txt"]
        asking = subprocess.run(
            [*STILLWATCH, "connect", address, "--from", "theirs.txt", "--transcript", "b.jsonl", *options, *where],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        rest, _ = offering.communicate(timeout=60)
    assert (asking.returncode, asking.stderr) == (1, "")
    assert asking.stdout.startswith("20 of your 60 are among their 60")
    assert (offering.returncode, rest) == (0, "1 of 1 sessions were answered.\n")
    common = tmp_path / "common.txt"
    if count_only:
        assert not common.exists()
    else:
        assert set(common.read_text().split()) == set(OURS) & set(THEIRS)
        assert common.stat().st_mode & 0o777 == 0o600
    verified = subprocess.run(
        [*STILLWATCH, "verify", "a.jsonl", "b.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout
    assert "card-" not in (tmp_path / "a.jsonl").read_text() + (tmp_path / "b.jsonl").read_text() + asking.stdout


def test_each_session_has_a_key_of_its_own_and_then_the_server_ends(tmp_path: Path) -> None:
    with serving(tmp_path, sessions=2) as (address, desk):
        setups = []
        for _ in range(2):
            setups.append(httpx2.get(address + SETUP, headers=headers()).content)
            outcome = connect(
                Peer("offerer", address, TOKEN), items_of("payment", THEIRS), "items", tmp_path / "b.jsonl", Silent()
            )
            assert outcome.size == 20
        assert setups[0] != setups[1]
        assert desk.answered == 2
    assert compare(read_entries(tmp_path / "offering.jsonl"), read_entries(tmp_path / "b.jsonl")) == ()
    with pytest.raises(InputError, match="cannot be asked"):
        connect(Peer("x", address, TOKEN), items_of("payment", []), "items", tmp_path / "b.jsonl", Silent())


def test_nobody_without_the_token_gets_anything(tmp_path: Path) -> None:
    with serving(tmp_path) as (address, desk):
        for sent in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": "B\u00e9"}):
            for method, path in (("GET", SETUP), ("POST", REQUEST)):
                answer = httpx2.request(method, address + path, headers=[(k, v.encode()) for k, v in sent.items()])
                assert (answer.status_code, answer.text) == (401, "the token is missing or wrong")
        assert desk.answered == 0


def test_a_session_answers_one_request_and_no_other(tmp_path: Path) -> None:
    with serving(tmp_path, sessions=2) as (address, _):
        setup = httpx2.get(address + SETUP, headers=headers()).content
        requests = [Ask.begin(setup, items_of("payment", [value]), "items")[2] for value in ("card-1", "card-2")]
        first = httpx2.post(address + REQUEST, headers=headers(), content=requests[0])
        assert first.status_code == 200
        second = httpx2.post(address + REQUEST, headers=headers(), content=requests[1])
        assert (second.status_code, second.text) == (409, "no session is open: fetch the setup first")
        httpx2.get(address + SETUP, headers=headers())
        replayed = httpx2.post(address + REQUEST, headers=headers(), content=requests[1])
        assert replayed.status_code == 422
        assert "belongs to another session" in replayed.text


def test_hostile_requests_end_in_one_line_and_too_many_of_them_end_the_serving(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(most=1000)) as (address, _):
        httpx2.get(address + SETUP, headers=headers())
        large = httpx2.post(address + REQUEST, headers=headers(), content=b"\x00" * 1_000_000)
        assert large.status_code == 413
        bodies = [b"", b"\x00", b"{}", b"stillwatch-psi 1\n" + b"\x91" * 1000, os.urandom(2000)] * 2
        answers = [httpx2.post(address + REQUEST, headers=headers(), content=body) for body in bodies]
        assert len(answers) == MOST_REFUSED
        assert {answer.status_code for answer in answers} == {422}
        assert all(len(answer.text.splitlines()) == 1 for answer in answers)
    entries = read_entries(tmp_path / "offering.jsonl")
    assert (entries.problems, sum(entry.event == "refused" for entry in entries.entries)) == ((), MOST_REFUSED)


def test_a_peer_that_asks_too_often_is_refused_over_http_too(tmp_path: Path) -> None:
    with serving(tmp_path, sessions=2, limits=Limits(sessions=1)) as (address, _):
        peer, asked = Peer("offerer", address, TOKEN), items_of("payment", THEIRS)
        connect(peer, asked, "items", tmp_path / "b.jsonl", Silent())
        with pytest.raises(InputError, match="refuses with status 422: the request is one too many"):
            connect(peer, asked, "items", tmp_path / "b.jsonl", Silent())


def test_what_breaks_here_is_not_told_to_the_peer(tmp_path: Path) -> None:
    (tmp_path / "offering.jsonl").write_text("broken\n")
    with serving(tmp_path) as (address, desk):
        answer = httpx2.get(address + SETUP, headers=headers())
        assert (answer.status_code, answer.text) == (500, "the other side cannot answer now")
        assert isinstance(desk.failure, InputError)


def test_over_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    with serving(tmp_path, Place("0.0.0.0", 0, certificate, key)) as (address, _):
        address = address.replace("0.0.0.0", "127.0.0.1")
        assert address.startswith("https://")
        asked = items_of("payment", THEIRS)
        with pytest.raises(InputError, match="CERTIFICATE_VERIFY_FAILED"):
            connect(Peer("offerer", address, TOKEN), asked, "items", tmp_path / "b.jsonl", Silent())
        trusted = Peer("offerer", address, TOKEN, certificate)
        assert connect(trusted, asked, "items", tmp_path / "b.jsonl", Silent()).size == 20


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://peer.example/", "would go over the network unencrypted"),
        ("http://192.0.2.1:80", "would go over the network unencrypted"),
        ("ftp://peer.example", "is no address of a peer"),
        ("https://user:pass@peer.example", "is no address of a peer"),
        ("https://[::1", "is no address"),
    ],
)
def test_addresses_that_are_never_asked(url: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=line):
        connect(Peer("x", url, TOKEN), items_of("payment", []), "items", tmp_path / "b.jsonl", Silent())


def test_nothing_is_served_to_others_unencrypted(tmp_path: Path) -> None:
    desk = Desk(
        items_of("payment", []), "items", peer="p", token=TOKEN, book=tmp_path / "t", limits=Limits(), progress=Silent()
    )
    with pytest.raises(UsageError, match="would be served unencrypted; give --certificate and --key"):
        serve(desk, Place("0.0.0.0"), str)
    (tmp_path / "none.pem").write_text("none")
    with pytest.raises(UsageError, match="is no certificate with its key"):
        serve(desk, Place("127.0.0.1", 0, tmp_path / "none.pem", tmp_path / "none.pem"), str)


@contextlib.contextmanager
def answering(reply: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does what ``reply`` does with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        reply(connection)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(60)


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    piece = b"\x00" * 2**20
    for _ in range(400):
        connection.sendall(piece)


def _dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    wait = threading.Event()
    for _ in range(200):
        connection.sendall(b"x")
        wait.wait(0.05)


def _dripping_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    wait = threading.Event()
    for _ in range(200):
        connection.sendall(b"x")
        wait.wait(0.05)


def _saying(head: str, body: bytes = b"") -> Callable[[socket.socket], None]:
    text = f"HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    return lambda connection: connection.sendall(text)


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (_endless, "answers with more than 125 MiB"),
        (_dripping, "gave no whole answer within 1 s"),
        (_dripping_head, "gave no whole answer within 1 s"),
        (_saying("200 OK\r\ncontent-encoding: gzip", b"x"), "in an encoding that was not asked for"),
        (_saying("200 OK", b"hello"), "is no message of private matching"),
        (_saying("302 Found\r\nlocation: http://192.0.2.1/"), "refuses with status 302"),
        (_saying("500 Error", b"two\nlines \x1b[31m" * 1000), "refuses with status 500: two lines"),
        (lambda connection: None, "cannot be asked"),
        (lambda connection: connection.sendall(b"\x00" * 100), "cannot be asked"),
    ],
    ids=["endless", "dripping", "dripping its head", "bomb", "rubbish", "redirect", "failure", "silence", "no HTTP"],
)
def test_a_hostile_server_costs_one_line(reply: Callable[[socket.socket], None], line: str, tmp_path: Path) -> None:
    patience = 1.0 if "within 1 s" in line else 60.0
    with answering(reply) as address:
        with pytest.raises(InputError, match=line) as refused:
            connect(Peer("x", address, TOKEN), items_of("payment", ["a"]), "items", tmp_path / "b", Silent(), patience)
    assert "\n" not in str(refused.value)
    assert TOKEN not in str(refused.value)
