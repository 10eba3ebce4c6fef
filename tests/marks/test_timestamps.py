"""A statement stamped by a real authority (OpenSSL's, made here), its answer checked without a network."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from stillwatch.errors import InputError

pytest.importorskip("rfc3161_client", reason="the extra marks is not installed")
from stillwatch.cli import main
from stillwatch.marks import timestamps
from stillwatch.marks.keyring import Keyring

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs OpenSSL to play the authority")

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
[stamps]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
"""


class Authority(NamedTuple):
    folder: Path
    root: bytes

    def stamp(self, asked: bytes) -> bytes:
        (self.folder / "asked.tsq").write_bytes(asked)
        run(self.folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "asked.tsq", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-out", "answer.tsr")  # fmt: skip
        return (self.folder / "answer.tsr").read_bytes()


def run(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path) -> Authority:
    folder.mkdir()
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01")
    run(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=root", "-keyout", "root.key", "-out",
        "root.pem", "-days", "30", "-config", "/dev/null", "-addext", "basicConstraints=critical,CA:true")  # fmt: skip
    run(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stamps", "-keyout", "tsa.key", "-out", "tsa.csr",
        "-config", "/dev/null")  # fmt: skip
    run(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days",
        "30", "-extfile", "tsa.cnf", "-extensions", "stamps", "-out", "tsa.pem")  # fmt: skip
    return Authority(folder, (folder / "root.pem").read_bytes())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa") / "here")


def test_stamp_says_when_the_statement_existed(here: Authority) -> None:
    answer = here.stamp(timestamps.request(b"statement"))
    stamped = timestamps.verify(answer, b"statement", [here.root], "statement.tsr")
    assert abs(stamped - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)


def test_stamp_on_another_statement_is_refused(here: Authority) -> None:
    answer = here.stamp(timestamps.request(b"statement"))
    with pytest.raises(InputError, match="no valid stamp on this statement"):
        timestamps.verify(answer, b"another", [here.root], "statement.tsr")


def test_stamp_of_an_authority_that_nobody_believes_is_refused(here: Authority, tmp_path: Path) -> None:
    other = authority(tmp_path / "other")
    answer = other.stamp(timestamps.request(b"statement"))
    with pytest.raises(InputError, match="no valid stamp"):
        timestamps.verify(answer, b"statement", [here.root], "statement.tsr")


def test_every_changed_byte_of_what_was_signed_is_noticed(here: Authority) -> None:
    answer = here.stamp(timestamps.request(b"statement"))
    at = answer.index(b"20", answer.index(bytes.fromhex("180f")))  # the time (GeneralizedTime) within the token
    changed = answer[: at + 3] + bytes([answer[at + 3] ^ 1]) + answer[at + 4 :]
    with pytest.raises(InputError, match="no valid stamp"):
        timestamps.verify(changed, b"statement", [here.root], "statement.tsr")


@pytest.mark.parametrize("answer", [b"", b"hello", b"\x30\x80" * 1000, bytes(2_000_000)])
def test_file_that_is_no_stamp_is_refused(answer: bytes, here: Authority) -> None:
    with pytest.raises(InputError, match="no valid stamp"):
        timestamps.verify(answer, b"statement", [here.root], "statement.tsr")
    with pytest.raises(InputError, match="give PEM"):
        timestamps.verify(answer, b"statement", [b"no certificate"], "statement.tsr")


def test_stamp_is_checked_by_the_command_line(
    here: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way: a request written beside the statement, stamped by somebody else, and what a court is told."""
    folder, statement, opening = tmp_path / "keys", tmp_path / "s.json", tmp_path / "o.json"
    ring = Keyring.make(folder)
    ring.commit("text-1", "campaign", "C1")
    command(capsys, "commitment", "--keys", folder, "--by", "Example AI", "--out", statement, "--request")
    (tmp_path / "s.tsr").write_bytes(here.stamp((tmp_path / "s.tsq").read_bytes()))
    (tmp_path / "root.pem").write_bytes(here.root)
    old, _ = ring.rotate("text-1", "campaign", "C1")
    command(capsys, "open", old.id, "--keys", folder, "--out", opening)
    stamped = ("--statement", statement, "--stamp", tmp_path / "s.tsr", "--authority", tmp_path / "root.pem")
    code, out = command(capsys, "verify", opening, *stamped, "--before", "2999-01-01")
    assert code == 0
    assert "a timestamping authority says so" in out
    code, out = command(capsys, "verify", opening, *stamped, "--before", "2001-01-01")
    assert code == 1
    assert "the stamp is not older than --before" in out


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["marks", *(str(argument) for argument in arguments)])
    assert isinstance(end.value.code, int)
    return end.value.code, capsys.readouterr().out
