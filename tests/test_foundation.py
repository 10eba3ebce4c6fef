"""Errors, settings, registry, keyed hashes, and the pages that are made from the code."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError, PluginError, StillwatchError, StorageError, UsageError
from stillwatch.exchange import CUSTOMER, EXCHANGE, REQUIRED, keyed_hash, keyed_hashes, read_salt
from stillwatch.registry import Registry
from stillwatch.settings import SETTINGS, Settings

ROOT = Path(__file__).parent.parent
SALT = bytes(range(32))


@given(st.text(), st.text(), st.text())
def test_errors_are_one_bounded_line(what: str, where: str, do: str) -> None:
    line = str(StillwatchError(what, where, do))
    assert len(line.splitlines()) <= 1
    assert len(line) <= 1000


def test_errors_say_what_where_and_what_to_do() -> None:
    assert str(InputError("is empty", "log", "name another")) == "log: is empty; name another"
    assert str(InputError("is empty")) == "is empty"


def test_every_setting_has_help_and_a_default_that_is_allowed() -> None:
    defaults = Settings()
    for setting in SETTINGS:
        assert setting.help.endswith(".")
        assert getattr(defaults, setting.name) == setting.default
    assert list(defaults.as_text()) == [setting.name for setting in SETTINGS]


def test_settings_out_of_range_are_refused() -> None:
    for changes in ({"false_discovery": 0.0}, {"false_discovery": 1.0}, {"threads": 0}, {"memory_mb": 1}):
        with pytest.raises(UsageError):
            Settings(**changes)  # type: ignore[arg-type]


def test_registry_imports_on_use_only() -> None:
    registry: Registry[object] = Registry("stillwatch.nothing", {"b": "no.such:THING", "a": "json:dumps"})
    assert registry.names() == ("b", "a")
    assert registry.get("a") is __import__("json").dumps
    with pytest.raises(PluginError, match=r"needs the module no, which is not installed; pip install no"):
        registry.get("b")
    with pytest.raises(PluginError, match="no 'c' here; known: b, a"):
        registry.get("c")


def test_missing_extra_and_missing_attribute_are_told() -> None:
    registry: Registry[object] = Registry("stillwatch.x", {"b": "no.such:THING", "c": "json:THING"}, {"b": "fast"})
    with pytest.raises(PluginError, match=r"pip install 'stillwatch\[fast\]'"):
        registry.get("b")
    with pytest.raises(PluginError, match="json: has no THING"):
        registry.get("c")


def wheel(folder: Path, package: str, name: str) -> None:
    """What installing a package with one entry point leaves behind."""
    (folder / f"{package}.py").write_text(f"THING = {package!r}\n")
    metadata = folder / f"{package}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[stillwatch.things]\n{name} = {package}:THING\n")


def test_other_peoples_wheels_are_found_and_doubles_name_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(tmp_path, "theirs", "new")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[object] = Registry("stillwatch.things", {"ours": "json:dumps"})
    assert registry.names() == ("ours", "new")
    assert registry.get("new") == "theirs"
    wheel(tmp_path, "others", "ours")
    with pytest.raises(PluginError, match="stillwatch and others both bring 'ours'"):
        Registry("stillwatch.things", {"ours": "json:dumps"}).names()


def test_record_says_unit_and_meaning_of_every_column() -> None:
    for schema in (EXCHANGE, CUSTOMER):
        for field in schema:
            assert field.metadata[b"unit"]
            assert field.metadata[b"meaning"].endswith(b".")
    assert REQUIRED == ("exchange_id", "started_at", "account_id")
    assert "email_domain" not in CUSTOMER.names


@given(st.lists(st.text(max_size=3) | st.none(), max_size=30), st.binary(min_size=1, max_size=64))
def test_keyed_hashes_agree_one_by_one_and_together(values: list[str | None], salt: bytes) -> None:
    found = keyed_hashes(pa.array(values, pa.large_string()), salt)
    assert found.type == pa.int64()
    assert found.to_pylist() == [
        None if v is None else int.from_bytes(bytes.fromhex(keyed_hash(v, salt)), "big", signed=True) for v in values
    ]
    halves = [pa.array(values[::2], pa.string()), pa.array(values[1::2], pa.string())]
    joined = keyed_hashes(pa.chunked_array(halves, pa.string()), salt)
    assert joined.to_pylist() == found.to_pylist()[::2] + found.to_pylist()[1::2]


@given(st.text(), st.text())
def test_keyed_hash_tells_values_and_salts_apart(a: str, b: str) -> None:
    assert (keyed_hash(a, SALT) == keyed_hash(b, SALT)) == (a == b)
    assert keyed_hash(a, SALT) != keyed_hash(a, SALT[::-1])
    assert len(keyed_hash(a, SALT)) == 16


def test_salt_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "run.salt"
    salt = read_salt(path)
    assert len(salt) == 32
    assert read_salt(path) == salt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_salt(tmp_path / "other.salt") != salt


@pytest.mark.parametrize("content", [b"", b"hello", b"00", b"zz" * 32, b"00" * 33])
def test_file_that_is_no_salt_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "salt").write_bytes(content)
    with pytest.raises(InputError, match="holds no salt"):
        read_salt(tmp_path / "salt")
    with pytest.raises(StorageError, match="cannot make the salt"):
        read_salt(tmp_path / "absent" / "salt")


def test_pages_made_from_the_code_are_fresh() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
