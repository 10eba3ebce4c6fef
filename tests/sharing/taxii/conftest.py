from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sharing.taxii.offered import Served, made_users, serving


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, str]]:
    """Users are dear to make (scrypt): once for all tests."""
    folder = tmp_path_factory.mktemp("users")
    made = made_users(folder)
    return (folder / "users.json").read_bytes(), made


@pytest.fixture
def served(tmp_path: Path, secrets: tuple[bytes, dict[str, str]]) -> Iterator[Served]:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    (folder / "users.json").write_bytes(secrets[0])
    with serving(folder, secrets=secrets[1]) as server:
        yield server
