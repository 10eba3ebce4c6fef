from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.served import Served, serving


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Served]:
    """A console that nobody has come into yet."""
    with serving(tmp_path) as served:
        yield served
