"""What is said of a database that is named by its address, with a server or without."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stillwatch.errors import InputError, PluginError
from stillwatch.settings import Settings
from stillwatch.sources.containers.postgres import is_address, shown
from stillwatch.sources.log import open_log
from stillwatch.storage.manifest import write_manifest
from tests.sources import postgres_server
from tests.sources.postgres_server import keeps_secrets


def test_without_the_driver_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    log = open_log([postgres_server.address(5432)])
    with pytest.raises(
        PluginError, match=r"psycopg, which is not installed; pip install 'stillwatch\[postgres\]'"
    ) as e:
        log.read()
    keeps_secrets(e.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://u:secret@h:5432/db?sslmode=require&password=secret", "postgresql://u@h:5432/db"),
        ("postgres://u@h/db", "postgresql://u@h/db"),
        ("postgresql:///db?host=/tmp/secret", "postgresql:///db"),
        ("postgresql://u:secret@[::1]:5432/db", "postgresql://u@[::1]:5432/db"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(address: str, expected: str) -> None:
    assert is_address(address)
    assert shown(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:se/cret@h/db",
        "postgresql://u:se@cret@h/db",
        "postgresql://u:se?cret@h/db",
        "postgresql://u:se#cret@h/db",
        "postgresql://u:[secret@h/db",
        "postgresql://u@h:secret/db",
        "postgresql:/u:secret@h/db",
        "POSTGRESQL:/u:secret@h/db",
        Path("postgresql://u:secret@h/db"),
    ],
)
def test_an_address_that_may_hide_a_password_is_refused_unquoted(address: str | Path) -> None:
    with pytest.raises(InputError, match="is no address of a database") as raised:
        open_log([address])
    assert not [piece for piece in ("cret", "se@", "u:") if piece in str(raised.value)]


def test_a_run_names_the_database_it_was_made_from(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, Settings(), ["postgresql://u@h/db"])
    assert [(file.name, file.bytes) for file in manifest.inputs] == [("postgresql://u@h/db", 0)]
