"""What docs/reference-server.md shows works, and names every kind of answer."""

from __future__ import annotations

import re
from pathlib import Path

from stillwatch.safety_audit.reference.answering import ANSWERERS
from stillwatch.safety_audit.reference.behaviour import read_behaviour
from stillwatch.safety_audit.reference.cast import Cast
from stillwatch.safety_audit.reference.known import known_properties

PAGE = (Path(__file__).parents[3] / "docs" / "reference-server.md").read_text("utf-8")


def test_the_behaviour_that_it_shows_can_be_served(tmp_path: Path) -> None:
    shown = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    path = tmp_path / "behaviour.toml"
    path.write_text(shown[1], "utf-8")
    behaviour = read_behaviour(path)
    truth = Cast(behaviour, known_properties(behaviour.languages)).truth("suspect")
    assert truth["refusal", "refused"] == 0.4
    assert truth["state_narratives", "avoids"] == 0.4
    assert behaviour.models["judge"].judges


def test_every_kind_of_answer_is_named() -> None:
    rows = {
        name: (row[2].split(", "), row[3])
        for row in re.finditer(r"^\| (`.+?`) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row[1])
    }
    for name, answerer in ANSWERERS.all():
        assert rows[name] == (list(answerer.kinds), answerer.usual)
