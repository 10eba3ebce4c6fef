"""The table of docs/sharing-taxii.md: every test that it names exists, and every statement has one or says why not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "sharing-taxii.md").read_text("utf-8").partition("## Statement by statement")[2]
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| section", "| promise"))]


def existing() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests" / "sharing").rglob("test_*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        found |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return found


def test_every_test_that_the_table_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 50
    assert named - existing() == set()


def test_every_statement_has_a_test_or_says_why_not() -> None:
    assert len(ROWS) > 70
    for row in ROWS:
        last = row.rstrip("|").rpartition("|")[2].strip()
        assert last.startswith("`test_") or re.match(r"none: \w", last), row


def test_every_section_of_the_standard_with_requirements_is_in_the_table() -> None:
    told = " ".join(row.split("|")[1] for row in ROWS)
    sections = ["2", "3.1", "3.2", "3.3", "3.4", "3.4.1", "3.5", "3.6.1", "3.7", "3.8", "3.9", "4.1", "4.1.1", "4.2"]
    sections += ["4.2.1", "4.3", "4.3.1", "5.1", "5.2.1", "5.3", "5.3.1", "5.4", "5.5", "5.6", "5.7", "5.8", "5.8.1"]
    sections += ["7.1.1", "8.1", "8.2.1", "8.2.2", "8.3.1", "8.4.2", "8.5.1", "8.5.2"]
    assert [one for one in sections if not re.search(rf"(?<![\d.]){re.escape(one)}(?![\d.])", told)] == []
