"""What finding costs the innocent, and the bar that a drill recommends for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stillwatch.drill.innocents import innocents_accused, present, recommend, shuffled_accused
from stillwatch.drill.material import Material, read_material
from stillwatch.drill.trial import Judged, Planted, Trial
from stillwatch.exchange import in_order
from stillwatch.linkage.certainty import FIRM
from stillwatch.progress import Silent
from stillwatch.simulation.world import simulate
from stillwatch.sources.log import open_log


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("world")
    simulate(accounts=300, days=7.0, seed=3, load=0.5).write(folder)
    table = in_order(open_log([folder / "exchanges.parquet"]).read())
    return read_material(table, None, progress=Silent())[0]


def trial(material: Material, number: int, accused: int, standing: float = 10.0) -> Trial:
    """A planted log in which the first innocents that are there are accused, beside a campaign."""
    bare = Trial(number, "planted", number, 0.35, (Planted("q", 20, 300, 200, 0.0, 7.0),), ())
    here = np.flatnonzero(present(material, bare))[:accused].tolist()
    groups = [Judged(12.0, (0.999,) * 20, (-1,) * 20, {})]
    if accused:
        groups.append(Judged(standing, (0.9999,) * accused, tuple(here), {}))
    return Trial(number, "planted", number, 0.35, bare.planted, tuple(groups))


def test_nobody_accused_is_no_proof_that_nobody_would_be(material: Material) -> None:
    n = material.activity.accounts
    (everybody, *kinds) = innocents_accused(material, [trial(material, i, 0) for i in range(12)], FIRM)
    assert (everybody.kind, everybody.logs, everybody.ever) == ("all", 12, 0)
    assert everybody.accounts == n  # in twelve logs each was there as an innocent at least once
    assert everybody.per_million.value == 0
    assert everybody.per_million.high == pytest.approx(1e6 * (1 - 0.025 ** (1 / n)), rel=0.02)
    assert {row.kind for row in kinds} <= set(material.kinds)


def test_an_account_accused_once_in_many_logs_counts_for_little(material: Material) -> None:
    trials = [trial(material, 0, 10), *(trial(material, i, 0) for i in range(1, 10))]
    (everybody, *_) = innocents_accused(material, trials, FIRM)
    assert everybody.ever == 10
    assert everybody.accused == pytest.approx(1.0)
    rate = everybody.per_million
    assert rate.low <= (rate.value or 0) < rate.high
    assert rate.value == pytest.approx(1e6 * np.mean([1.0 / 6.5] * 10) * 10 / everybody.accounts, rel=0.5)
    assert 1e6 * 3.6 / everybody.accounts < rate.high < 1e6 * 10 / everybody.accounts


def test_suspected_accounts_are_no_innocents(material: Material) -> None:
    suspected = np.zeros(material.activity.accounts, dtype=bool)
    suspected[:50] = True
    fewer = replace(material, suspected=suspected)
    (everybody, *_) = innocents_accused(fewer, [trial(fewer, i, 0) for i in range(12)], FIRM)
    assert everybody.accounts == material.activity.accounts - 50


def test_the_shuffled_log_is_counted_by_itself(material: Material) -> None:
    dealt = Trial(3, "shuffled", 3, 0.0, (), (Judged(10.0, (0.9999,) * 9, tuple(range(9)), {}),))
    (row,) = shuffled_accused(material, [dealt, trial(material, 0, 0)], FIRM)
    assert (row.kind, row.logs, row.ever, row.accounts) == ("shuffled", 1, 9, material.activity.accounts)
    assert shuffled_accused(material, [trial(material, 0, 0)], FIRM) == ()


def test_the_bar_recommended_is_the_lowest_that_was_shown(material: Material) -> None:
    trials = [trial(material, 0, 10, standing=9.2), *(trial(material, i, 0) for i in range(1, 10))]
    generous = recommend(material, trials, allowed=1e6 * 0.03)
    assert generous is not None
    assert generous.reachable
    assert generous.firm > 9.2 or generous.per_million.high <= 3e4
    assert generous.found == 1.0
    strict = recommend(material, trials, allowed=1.0)
    assert strict is not None
    assert not strict.reachable
    assert strict.firm > 9.2  # the rate itself is kept, though it cannot be shown
    assert (strict.per_million.value or 0) == 0
    assert "cannot show" in strict.words


def test_what_was_not_shown_is_no_ground_to_accuse_more(material: Material) -> None:
    told = recommend(material, [trial(material, i, 0) for i in range(3)], allowed=1.0)
    assert told is not None
    assert told.firm >= FIRM
    assert recommend(material, [], allowed=1.0) is None
