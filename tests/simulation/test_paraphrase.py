"""Wordings said anew: many ways, no placeholder lost, nothing left that requests share, no needless draw."""

from __future__ import annotations

import re
import string
from collections import Counter
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.signals.wording.templates import find_wordings
from stillwatch.simulation.operators.campaign import TECHNIQUES, Campaign, parse_campaign
from stillwatch.simulation.operators.wrapping import Workshop
from stillwatch.simulation.texts.noise import Style
from stillwatch.simulation.texts.paraphrase import paraphrased
from stillwatch.simulation.texts.writer import Writer, topics, wordings
from stillwatch.simulation.world import simulate

WORDED = [technique for technique in TECHNIQUES if technique != "plain"]
PATTERNS = [pattern for technique in WORDED for pattern in wordings()[technique]]


def placeholders(pattern: str) -> Counter[str]:
    return Counter(re.findall(r"\{[^{}]*\}", pattern))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_wording_has_hundreds_of_variants_with_all_its_placeholders(pattern: str) -> None:
    r = Random("variants")
    found = [paraphrased(pattern, r) for _ in range(200)]
    assert len(set(found)) >= 150
    assert all(placeholders(one) == placeholders(pattern) for one in found)
    # Nothing else in braces: what comes out can be filled in.
    names = {name for _, name, _, _ in string.Formatter().parse(" ".join(found)) if name is not None}
    assert names == {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}


@given(st.text(alphabet='{}taskn <>/w.:\n"()', max_size=60), st.integers(0, 9))
def test_any_text_keeps_its_placeholders(text: str, seed: int) -> None:
    assert placeholders(paraphrased(text, Random(seed))) == placeholders(text)


@pytest.mark.parametrize("technique", WORDED)
def test_a_scan_finds_no_wording_that_paraphrased_requests_share(technique: str) -> None:
    """Sixty accounts with ten requests each, as the scan looks for shared wordings."""

    def worded(paraphrase: float) -> float:
        campaign = Campaign(name="x", techniques={technique: 1.0}, wordings=4, paraphrase=paraphrase)
        workshop, r = Workshop(campaign, Random(5)), Random(6)
        writer = Writer(r, Style.draw(r))
        asks = [writer.ask(r.choice(topics()), plain=True) for _ in range(600)]
        texts = [workshop.wrap(technique, ask, writer, r) for ask in asks]
        who = np.arange(600) % 60
        own = find_wordings([ask.text for ask in asks], who)  # what tasks share by themselves ("Keep it short.")
        return float(((find_wordings(texts, who).number > 0) & (own.number == 0)).mean())

    assert worded(0.0) > 0.5
    assert worded(1.0) < 0.2


def test_no_paraphrase_draws_nothing() -> None:
    """Worlds of a seed stay as they are for campaigns that do not paraphrase."""
    technique = "rubric_grading"
    workshop = Workshop(Campaign(name="x", techniques={technique: 1.0}), Random(1))
    r = Random(2)
    writer = Writer(r, Style.draw(r))
    ask = writer.ask(topics()[0])
    state = r.getstate()
    text = workshop.wrap(technique, ask, writer, r)
    after = r.getstate()
    r.setstate(state)
    pattern = r.choice(workshop.wordings[technique])
    other = writer.answer(ask.topic, ask.slots) if "{other_answer}" in pattern else ""
    n, persona = r.randint(3, 12), r.choice(workshop.personas)
    assert text == pattern.format(task=ask.text, answer=ask.answer, other_answer=other, n=n, persona=persona)
    assert r.getstate() == after


def test_a_campaign_paraphrases_the_share_it_says() -> None:
    def intact(paraphrase: float) -> float:
        text = f"blatant:accounts=10,techniques=jailbreak,wordings=12,follow_ups=0,paraphrase={paraphrase}"
        world = simulate(accounts=5, days=3, campaigns=[parse_campaign(text)], seed=3)
        asked = world.exchanges.join(world.exchange_truth.filter("harvested"), on="exchange_id")["messages"]
        pieces = [max(re.split(r"\{[^{}]*\}|\n|\"", p), key=len) for p in wordings()["jailbreak"]]
        return float(asked.map_elements(lambda m: any(p in m for p in pieces), return_dtype=pl.Boolean).mean())  # type: ignore[arg-type]

    assert intact(0.0) == 1.0
    assert 0.3 < intact(0.5) < 0.7
    assert intact(1.0) < 0.1
