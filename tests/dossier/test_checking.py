"""A dossier that was touched is found out, and what was touched is named; on any machine, from its folder alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillwatch.dossier.checking import Checked, check
from stillwatch.dossier.envelope import encoding, open_envelope
from stillwatch.dossier.keys import make_key, read_signer
from stillwatch.dossier.making import Made, make
from stillwatch.errors import InputError, UsageError
from tests.dossier.made import CAMPAIGN, Scanned, choices


@pytest.fixture
def copy(signed: Made, tmp_path: Path) -> Path:
    """The dossier on another machine: elsewhere, under another name."""
    return Path(shutil.copytree(signed.folder, tmp_path / "elsewhere" / "theirs"))


@pytest.fixture
def public(key: Path) -> Path:
    return key.with_name("dossier.key.pub")


def checked(folder: Path, key: Path | None = None) -> Checked:
    return check(folder, key=key)[0]


def test_an_untouched_dossier_holds_elsewhere(copy: Path, public: Path) -> None:
    found = checked(copy, public)
    assert found.problems == ()
    assert any("signature is by the key that was given" in line for line in found.holds)
    assert any("dossier.html says what dossier.json says" in line for line in found.holds)
    assert any("since when it exists" in line for line in found.unchecked)


def test_whose_key_it_is_is_not_claimed_without_the_key(copy: Path) -> None:
    found = checked(copy)
    assert found.problems == ()
    assert any("whose key that is" in line for line in found.unchecked)


@pytest.mark.parametrize("with_key", [False, True], ids=["unsigned", "signed"])
def test_every_flipped_byte_is_found_and_its_file_named(
    with_key: bool, run: Scanned, copy: Path, public: Path, tmp_path: Path
) -> None:
    folder = copy if with_key else make(run.run, CAMPAIGN, tmp_path / "d", choices(run.log, seal="inside")).folder
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert len(names) >= 7
    for name in names:
        path = folder / name
        data = path.read_bytes()
        for at in sorted({0, len(data) // 3, len(data) // 2, len(data) - 2, len(data) - 1}):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            problems = checked(folder, public if with_key else None).problems
            assert any(name in problem for problem in problems), (name, at, problems)
        path.write_bytes(data)
    assert checked(folder).problems == ()


def test_only_the_changed_file_is_named(copy: Path, public: Path) -> None:
    path = copy / "accounts.csv"
    path.write_bytes(path.read_bytes().replace(b"accused", b"cleared", 1))
    assert checked(copy, public).problems == ("accounts.csv was changed",)


def test_a_changed_manifest_does_not_accuse_the_files(copy: Path, public: Path) -> None:
    path = copy / "manifest.json"
    digest = json.loads(path.read_bytes())["subject"][0]["digest"]["sha256"]
    path.write_bytes(path.read_bytes().replace(digest.encode(), b"0" * 64))
    problems = checked(copy, public).problems
    assert problems
    assert all("manifest.json" in problem for problem in problems)


def test_missing_and_added_files_are_named(copy: Path) -> None:
    (copy / "dossier.html").unlink()
    (copy / "inputs" / "extra.txt").write_text("new")
    (copy / "link").symlink_to("/etc/passwd")
    problems = checked(copy).problems
    assert {"dossier.html is missing", "inputs/extra.txt was added", "link is a link or no plain file"} <= set(problems)


def rewrite(folder: Path) -> None:
    """What somebody does who may write every file and holds no key: a changed figure, and all hashes made to fit."""
    from stillwatch.dossier.manifest import files_in, sha256_of, sums_of  # noqa: PLC0415

    record = folder / "dossier.json"
    before = sha256_of(record)
    record.write_bytes(record.read_bytes().replace(b'"expected_innocent": 0.3', b'"expected_innocent": 0.0', 1))
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(before.encode(), sha256_of(record).encode()))
    hashes = {name: sha256_of(path) for name, path in files_in(folder)[0].items() if name != "SHA256SUMS"}
    (folder / "SHA256SUMS").write_bytes(sums_of(hashes))


def test_whoever_rewrites_everything_cannot_sign_it(copy: Path, public: Path) -> None:
    rewrite(copy)
    problems = checked(copy, public).problems
    assert "manifest.json was changed: it is not what was signed" in problems
    assert "dossier.json was changed" in problems


def test_a_signature_cannot_be_dropped_unseen(copy: Path, public: Path) -> None:
    (copy / "manifest.dsse.json").unlink()
    assert any("manifest.dsse.json is missing" in problem for problem in checked(copy).problems)
    assert any("bears no signature" in problem for problem in checked(copy, public).problems)


def test_another_key_does_not_pass(copy: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "other.key")
    problems = checked(copy, tmp_path / "other.key.pub").problems
    assert any("the signature is not by the key that was given" in problem for problem in problems)


def test_an_unsigned_dossier_says_what_that_means(run: Scanned, tmp_path: Path) -> None:
    found = checked(make(run.run, CAMPAIGN, tmp_path / "d", choices()).folder)
    assert found.problems == ()
    assert any("bears no signature: who made it" in line for line in found.unchecked)


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no dossier"):
        check(tmp_path)


def test_what_is_signed_is_what_the_standard_says() -> None:
    """The example of the DSSE specification."""
    assert encoding(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_the_envelope_holds_the_manifest(signed: Made) -> None:
    opened = open_envelope((signed.folder / "manifest.dsse.json").read_bytes(), "envelope")
    assert opened.payload == (signed.folder / "manifest.json").read_bytes()
    assert opened.signatures[0][0] == signed.signed_by


@pytest.mark.parametrize(
    "spoilt", [b"", b"{}", b"[]", b'{"payload": "", "payloadType": "x", "signatures": []}', b"\xff" * 9]
)
def test_an_envelope_that_is_none_is_refused(spoilt: bytes) -> None:
    with pytest.raises(InputError):
        open_envelope(spoilt, "envelope")


def test_a_key_is_never_written_over_and_never_shown(tmp_path: Path) -> None:
    signer = make_key(tmp_path / "k")
    secret = (tmp_path / "k").read_text()
    assert (tmp_path / "k").stat().st_mode & 0o077 == 0
    assert secret.strip() not in repr(signer)
    with pytest.raises(UsageError, match="never overwritten"):
        make_key(tmp_path / "k")
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(InputError, match="can be read by other users"):
        read_signer(tmp_path / "k")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("rfc3161_client", reason="the extra dossier is not installed")
    if shutil.which("openssl") is None:
        pytest.skip("needs OpenSSL to play the authority")
    from tests.marks import test_timestamps as authorities  # noqa: PLC0415 - it passes itself over without the extra

    return authorities.authority(tmp_path_factory.mktemp("tsa") / "here")


@pytest.fixture
def stamped(authority: Any, run: Scanned, key: Path, tmp_path: Path) -> Callable[[], Path]:
    def build() -> Path:
        made = make(run.run, CAMPAIGN, tmp_path / "d", choices(sign=key, stamp_request=True))
        answer = authority.stamp((made.folder / "manifest.tsq").read_bytes())
        (made.folder / "manifest.tsr").write_bytes(answer)
        (tmp_path / "root.pem").write_bytes(authority.root)
        return made.folder

    return build


def test_a_stamp_says_since_when_it_exists(stamped: Callable[[], Path], tmp_path: Path) -> None:
    folder = stamped()
    found, _ = check(folder, authorities=[tmp_path / "root.pem"])
    assert found.problems == ()
    assert found.stamped is not None
    assert any("a timestamping authority that you believe" in line for line in found.holds)
    assert any("give the certificates" in line for line in check(folder)[0].unchecked)


def test_a_stamp_on_something_else_does_not_pass(stamped: Callable[[], Path], tmp_path: Path) -> None:
    folder = stamped()
    for name in ("manifest.tsr", "manifest.dsse.json", "manifest.tsq"):
        data = (folder / name).read_bytes()
        at = len(data) // 2
        (folder / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        problems = check(folder, authorities=[tmp_path / "root.pem"])[0].problems
        assert any(name in problem for problem in problems), (name, problems)
        (folder / name).write_bytes(data)
