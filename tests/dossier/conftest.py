from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.dossier.keys import make_key
from stillwatch.dossier.making import Made, make
from tests.dossier.made import CAMPAIGN, Scanned, choices, scanned


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    """A run with one large campaign, one small and a group under review."""
    return scanned(tmp_path_factory.mktemp("scanned"))


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signing key; its public key is beside it."""
    path = tmp_path_factory.mktemp("keys") / "dossier.key"
    make_key(path)
    return path


@pytest.fixture(scope="session")
def signed(run: Scanned, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A signed dossier with its inputs inside, without the paper; tests copy it before they touch it."""
    out = tmp_path_factory.mktemp("signed") / "dossier"
    return make(run.run, CAMPAIGN, out, choices(run.log, sign=key, seal="inside", by="Example AI"))
