"""The pictures: what they place where."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from stillwatch.campaigns.plots import artefacts, scales, svg
from stillwatch.campaigns.plots.timeline import model_switches, timeline
from stillwatch.campaigns.report import ArtefactLink, Day, Evidence, LookAlike

START = dt.date(2026, 5, 1)


def evidence(*odds: float) -> list[Evidence]:
    return [Evidence(f"e{n}", f"E{n}", value, "plain", "innocent") for n, value in enumerate(odds)]


def edges(bar: scales.Bar) -> tuple[float, float]:
    found = re.search(r'<rect class="bar [a-z]+" x="([\d.]+)%" y="5" width="([\d.]+)%"', bar.drawing)
    assert found is not None
    left, width = map(float, found.groups())
    return left, left + width


def test_each_bar_of_the_waterfall_starts_where_the_last_one_ended() -> None:
    _, bars = scales.waterfall(evidence(8.0, 4.0, -6.0))
    first, second, third, total = map(edges, bars)
    assert first[1] == pytest.approx(second[0], abs=0.02)
    assert second[1] == pytest.approx(third[1], abs=0.02)
    assert third[0] == pytest.approx(total[1], abs=0.02)
    assert first[0] == total[0]
    assert bars[-1].figure == "+6.0"
    assert (second[1] - second[0]) / (first[1] - first[0]) == pytest.approx(0.5, abs=0.01)


def test_waterfall_without_evidence_or_with_infinite_evidence_still_draws() -> None:
    assert scales.waterfall([])[1][0].figure == "0.0"
    _, bars = scales.waterfall(evidence(float("inf"), 2.0))
    assert bars[0].figure == "unknown"
    assert bars[-1].figure == "+2.0"


def test_intervals_stand_in_order_on_their_axis() -> None:
    kind = LookAlike("a", "A", 100, 1, 0.002, 0.001, 0.006)
    axis, rows = scales.interval_rows([kind])
    low, high = re.findall(r'class="whisker" x1="([\d.]+)%" x2="([\d.]+)%"', rows[0][1])[0]
    middle = re.findall(r'cx="([\d.]+)%"', rows[0][1])[0]
    assert float(low) < float(middle) < float(high)
    assert "per cent" in axis


def test_switch_is_where_the_leading_model_changes_for_good() -> None:
    leading = ["a", "a", "b", "a", "a", "b", "b", "b"]
    days = [(START + dt.timedelta(days=n), {"a": 9 if m == "a" else 1, "b": 5}) for n, m in enumerate(leading)]
    assert model_switches(days) == ((START + dt.timedelta(days=5), "b"),)
    assert model_switches(days[:2]) == ()
    assert model_switches([]) == ()


def test_timeline_adds_long_runs_up_and_loses_nothing() -> None:
    days = [Day(START + dt.timedelta(days=n), {"m": 2, "n": 1}, 1.0, 1, 0, 0) for n in range(700)]
    drawn = timeline(days, "C1")
    assert drawn is not None
    assert "per week" in drawn.drawing
    exchanges = sum(int(n) for n in re.findall(r": (\d+) exchanges", drawn.drawing))
    assert exchanges == 2_100
    assert "Sign-ups: 700 in all" in " ".join(drawn.sentences)
    assert timeline([], "C1") is None


def test_more_models_than_colours_are_drawn_together() -> None:
    drawn = timeline([Day(START, {f"m{n}": 10 - n for n in range(9)}, 1.0, 0, 0, 0)], "C1")
    assert drawn is not None
    assert [name for name, _ in drawn.legend] == ["m0", "m1", "m2", "m3", "other models"]
    assert sum(int(n) for n in re.findall(r": (\d+) exchanges", drawn.drawing)) == sum(range(2, 11))


def test_accounts_sharing_the_same_things_are_neighbours() -> None:
    members = [f"a{n}" for n in range(200)]
    odd = tuple(members[1::2])
    drawn = artefacts.picture([ArtefactLink("payment", "x", odd, 0)], members)
    boxes = re.findall(r'<rect class="shade-(\d)" x="(\d+)" y="0" width="(\d+)"', drawn.strips[0].drawing)
    assert boxes == [("4", "0", "60")]
    assert drawn.strips[0].inside == 100


def test_picture_has_a_bounded_size_and_keeps_what_ties_most() -> None:
    members = [f"a{n}" for n in range(25_000)]
    links = [ArtefactLink("address", f"{n}", tuple(members[n : n + 2]), 0) for n in range(500)]
    links.append(ArtefactLink("payment", "big", tuple(members[:9_000]), 1))
    links.append(ArtefactLink("address", "vpn", tuple(members[:3]), 8_000))
    drawn = artefacts.picture(links, members)
    shown = {strip.artefact for strip in drawn.strips}
    assert "big" in shown
    assert "vpn" not in shown
    assert drawn.left_out == len(links) - artefacts.ROWS
    assert sum(len(strip.drawing) for strip in drawn.strips) < 60_000


def test_picture_of_nobody_is_empty() -> None:
    assert artefacts.picture([], ["a"]).strips == ()
    assert artefacts.picture([ArtefactLink("k", "x", ("a",), 0)], []).strips == ()
    outsider = artefacts.picture([ArtefactLink("k", "x", ("stranger",), 0)], ["a"])
    assert outsider.strips[0].inside == 0


def test_markup_is_escaped_in_values_and_children() -> None:
    made = svg.element("text", {"class": '"><script>'}, "<b>")
    assert made == '<text class="&#34;&gt;&lt;script&gt;">&lt;b&gt;</text>'
    with pytest.raises(TypeError, match="an attribute is text or a number"):
        svg.element("text", {"class": None})
