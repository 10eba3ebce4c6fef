"""The packaged models: refused where they know other features, and the same scores however pairs are cut in blocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.errors import PluginError
from stillwatch.exchange import EXCHANGE
from stillwatch.linkage import find_groups, scoring
from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.scoring import Comparisons, Model, load_model, pair_features, pair_scores
from stillwatch.progress import Silent

Made = Callable[..., Activity]


def test_a_model_of_other_features_is_refused_with_the_first_that_differs() -> None:
    ours = load_model("pair")
    renamed = Model("pair", ours.texts[0].replace(" asn ", " country ", 1))
    renamed.require([name if name != "asn" else "country" for name in pair_features()])
    with pytest.raises(PluginError, match=r"the model 'pair': .*first: country for asn.*bench\.training"):
        renamed.require(pair_features())
    with pytest.raises(PluginError, match="their number"):
        ours.require(pair_features()[:-1])


def test_no_scan_begins_with_a_model_of_other_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when somebody's wheel adds a comparison: weights of other features would be noise with a verdict."""
    monkeypatch.setattr("stillwatch.linkage.finding.pair_features", lambda: (*pair_features(), "shoe_size"))
    nothing = pa.Table.from_pylist([], schema=EXCHANGE)
    with pytest.raises(PluginError, match="other features"):
        find_groups(nothing, None, seed=0, false_discovery=0.01, progress=Silent())


@pytest.mark.parametrize("pairs", [1, 40, 10_000])
def test_how_pairs_are_cut_into_blocks_changes_nothing(pairs: int, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = made(14)
    accounts = describe_accounts(activity)
    judged = np.arange(14) % 5 != 1
    comparisons = Comparisons(activity, accounts)
    whole = pair_scores(comparisons, judged, load_model("pair"))
    monkeypatch.setattr(scoring, "_PAIRS", pairs)
    np.testing.assert_allclose(pair_scores(comparisons, judged, load_model("pair")), whole, atol=1e-3)
    assert (whole[~judged] == 0).all()
    assert (np.diagonal(whole) == 0).all()
    assert (whole[np.ix_(judged, judged)] != 0).any()


@pytest.mark.parametrize("accounts", [0, 1])
def test_fewer_than_two_accounts_have_no_score(accounts: int, made: Made) -> None:
    activity = made(accounts)
    scores = pair_scores(
        Comparisons(activity, describe_accounts(activity)), np.ones(accounts, dtype=bool), load_model("pair")
    )
    assert scores.shape == (accounts, accounts)
    assert not scores.any()
