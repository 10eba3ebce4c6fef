"""Who may import what, where the order of the layers cannot say it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import stillwatch

SOURCE = Path(stillwatch.__file__).parent


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_only_an_engine_imports_duckdb() -> None:
    users = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py") if "duckdb" in imported(path)}
    assert users == {"engines/duckdb.py"}


def test_calibration_imports_nothing_of_ours_but_itself() -> None:
    for path in (SOURCE / "calibration").glob("*.py"):
        ours = {name for name in imported(path) if name.startswith("stillwatch")}
        assert all(name.startswith("stillwatch.calibration") for name in ours), path.name
        others = {name.partition(".")[0] for name in imported(path) - ours}
        plain = {"__future__", "collections", "functools", "itertools", "math", "typing"}
        assert others <= plain | {"numpy", "scipy"}, path.name


@pytest.mark.parametrize("module", ["stillwatch.signals", "stillwatch.signals.base", "stillwatch.engines"])
def test_naming_signals_and_engines_costs_no_import_of_ibis(module: str) -> None:
    program = f"import sys, {module}; sys.exit(sorted({{'ibis', 'duckdb', 'polars'}} & sys.modules.keys()) or 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
