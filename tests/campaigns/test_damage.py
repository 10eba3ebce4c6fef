"""Prices, tokens, worth, and whether the interval of what was taken covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import special

from stillwatch.campaigns import damage
from stillwatch.campaigns.damage import CALIBRATION_SD, Price, PriceTable, cost_of, read_prices, taken_interval
from stillwatch.errors import InputError
from tests.campaigns import made_cases

TABLE = """
currency = "EUR"
[default]
input = 1.0
output = 10.0
[[models]]
match = "ATLAS-*"
input = 0.5
output = 2.0
reasoning = 4.0
"""


def prices(folder: Path, text: str = TABLE) -> PriceTable:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return read_prices(path)


def test_the_packaged_table_prices_every_model() -> None:
    table = read_prices(None)
    assert table.currency == "USD"
    assert table.of("gpt-9-mini-2027").output < table.of("whatever").output == table.of(None).output


def test_first_match_of_the_whole_name_counts(tmp_path: Path) -> None:
    table = prices(tmp_path)
    assert table.of("Atlas-7").reasoning == 4.0
    assert table.of("my-atlas-7") == table.of(None) == Price(1.0, 10.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("currency = ", "is no table of prices"),
        ('currency = "USD"', "missing required field `default`"),
        (TABLE + "discount = 3", "unknown field `discount`"),
        (TABLE.replace("match", "name"), "is no table of prices"),
        (TABLE.replace("10.0", "-1.0"), "a price that is no amount"),
        (TABLE.replace("10.0", "nan"), "a price that is no amount"),
    ],
)
def test_a_table_that_is_none_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        prices(tmp_path, text)
    assert "prices.toml" in str(raised.value)


def test_a_table_that_is_not_there() -> None:
    with pytest.raises(InputError, match="--price-table"):
        read_prices(Path("nowhere.toml"))


def test_worth_of_an_exchange(tmp_path: Path) -> None:
    exchanges = made_cases.log()
    cost = cost_of(exchanges, prices(tmp_path))
    large = exchanges.column("model").to_numpy() == "atlas"
    assert cost.value[large] == pytest.approx((1_000 * 1.0 + 2_000 * 10.0) / 1e6)
    assert cost.value[~large] == pytest.approx((1_000 * 0.5 + 1_500 * 2.0 + 500 * 4.0) / 1e6)
    assert cost.apart is False
    assert set(cost.output_tokens) == {2_000.0}


def test_reasoning_counted_apart_is_added(tmp_path: Path) -> None:
    exchanges = made_cases.log(reasoning_tokens=3_000)
    cost = cost_of(exchanges, prices(tmp_path))
    assert cost.apart is True
    assert set(cost.output_tokens) == {5_000.0}
    assert cost.value.max() == pytest.approx((1_000 + 5_000 * 10) / 1e6)


def test_nothing_logged_is_worth_nothing() -> None:
    exchanges = made_cases.metadata_only()
    assert cost_of(exchanges, read_prices(None)).value.sum() == 0


def test_interval_of_few() -> None:
    none = np.zeros(0)
    assert taken_interval(none, none.astype(int)) == (0.0, 0.0, 0.0)
    assert taken_interval(np.array([0.5]), np.array([3])) == (0.5, 0.0, 1.0)
    assert taken_interval(np.array([1.0, 1.0, 0.0]), np.array([1, 2, 3])) == (2.0, 2.0, 2.0)


def test_sessions_are_the_units(monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.full(200, 0.5)

    def width(session: np.ndarray) -> float:
        interval = taken_interval(p, session)
        return interval.high - interval.low

    alone, together = np.arange(200), np.arange(200) // 20
    assert width(together) > width(alone)
    # The error that all probabilities share is in both widths; without it sessions of 20 are 4.5 times as wide.
    monkeypatch.setattr(damage, "CALIBRATION_SD", 0.0)
    assert width(together) > 3 * width(alone)


@pytest.mark.parametrize("sessions", [12, 60, 400])
def test_interval_covers(sessions: int) -> None:
    """Sessions are taken as a whole, and all log-odds are off by one error of the stated size."""
    rng = np.random.default_rng(sessions)
    draws, held = 400, 0
    for _ in range(draws):
        session = np.repeat(np.arange(sessions), rng.integers(1, 6, sessions))
        said = np.repeat(rng.beta(0.7, 0.7, sessions), np.bincount(session))
        true = special.expit(special.logit(np.clip(said, 1e-6, 1 - 1e-6)) + CALIBRATION_SD * rng.normal())
        taken = int((rng.uniform(size=sessions)[session] < true).sum())
        interval = taken_interval(said, session)
        held += interval.low <= taken <= interval.high
    assert held / draws >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / draws)
