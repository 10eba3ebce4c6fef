from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.console.reading import Run, open_run
from tests.campaigns import made_reports
from tests.console.reading.made_runs import written


@pytest.fixture(scope="session")
def ordinary_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(made_reports.ordinary(), tmp_path_factory.mktemp("ordinary") / "run")


@pytest.fixture(scope="session")
def ordinary(ordinary_folder: Path) -> Run:
    """Two campaigns of 412 and 36 accounts, one under review of 25, and accounts of no group."""
    return open_run(ordinary_folder)


@pytest.fixture(scope="session")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three campaigns, one of 25,000 accounts that 3,000 artefacts tie."""
    return open_run(written(made_reports.huge(), tmp_path_factory.mktemp("huge") / "run"))
