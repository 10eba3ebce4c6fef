"""docs/audit-items.md says what the data says."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.safety_audit import PROPERTIES
from stillwatch.safety_audit.datasets import DATA_SETS
from stillwatch.safety_audit.judging.refusal_answers import count_errors, labelled_answers
from stillwatch.safety_audit.properties.identity import LANGUAGES as TONGUES
from stillwatch.safety_audit.properties.wordings import LANGUAGES

PAGE = (Path(__file__).parents[2] / "docs" / "audit-items.md").read_text("utf-8")


@pytest.mark.parametrize(
    "name", ["refusal", "over_refusal", "jailbreaks", "prefix_attacks", "truthfulness", "identity"]
)
def test_the_page_counts_units_and_items(name: str) -> None:
    prop = PROPERTIES.get(name)
    items = prop.items(TONGUES if name == "identity" else LANGUAGES)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
    assert f"| {len({item.unit for item in items})} " in row
    assert f"| {len(items):,}" in row
    assert all(f"`{figure.name}`" in row for figure in prop.info.figures)


def test_the_page_gives_the_rules_errors_on_our_labelled_answers() -> None:
    rows = {
        "ours, which the rules were written with": lambda a: a.half == "written with",
        "ours, kept back": lambda a: a.half == "kept back",
        "of these: wordings sought to be unusual": lambda a: a.half == "kept back" and a.kind == "later",
    }
    for start, chosen in rows.items():
        found = count_errors((a.text, a.refuses) for a in labelled_answers() if chosen(a))
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {start}"))
        assert f"| {found.refusals_found} of {found.refusals} " in row
        assert f"| {found.others_found} of {found.others} " in row


def test_the_page_names_every_data_set_and_its_version() -> None:
    for name in DATA_SETS.names():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))
        info = DATA_SETS.get(name).info
        assert f"{info.package} {info.version}" in row
        assert info.licence.split()[0] in row
