"""A suspect that answers with whatever it likes: pages show it as the text that it is, and nothing breaks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.prove.make import make
from examples.prove.serve import serving
from stillwatch.cli import main
from tests.page_promises import (
    check_hostile_text_is_text,
    check_loads_nothing,
    check_policy,
    check_reads_aloud,
    check_well_formed,
)

HOSTILE = (
    '<script>alert(1)</script> "><img src=x onerror=alert(1)> \u202eevil \x1b[31mred {{ 7 * 7 }} </pre></details> '
    + "a" * 3000
)


def test_hostile_answers_stay_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(tmp_path / "case", taken_prompts=40)
    prompts = json.loads((tmp_path / "case" / "suspects.json").read_text())["copy"]
    with serving({"hostile<b>": {prompt: [HOSTILE, "\x00 \u2028"] for prompt in prompts}}) as server:
        with pytest.raises(SystemExit) as ended:
            main(
                ["prove", server.address("hostile<b>"), "--case", str(tmp_path / "case" / "copy.toml"),
                 "--out", str(tmp_path / "proof")]
            )  # fmt: skip
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    for name in ("prove.html", "statement.html"):
        page = (tmp_path / "proof" / name).read_text()
        check_well_formed(page)
        check_reads_aloud(page)
        check_loads_nothing(page)
        check_policy(page)
        assert "hostile<b>" not in page
    check_hostile_text_is_text((tmp_path / "proof" / "prove.html").read_text(), longest=1_300)
