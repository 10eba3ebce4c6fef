"""What a campaign costs: never less for more cover, never negative, in figures that can be checked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.drill.adversaries import evasions, library
from stillwatch.drill.costs import Costs, price, read_costs
from stillwatch.errors import InputError, UsageError
from stillwatch.simulation.operators.campaign import TECHNIQUES, Campaign

COSTS = read_costs(None)
campaigns = st.builds(
    Campaign,
    name=st.just("x"),
    exchanges=st.floats(1e-3, 1e4),
    cover=st.floats(0, 1),
    cover_kind=st.sampled_from(["personal", "generalist", "mimic", "developer"]),
    honest_days=st.floats(0, 400),
    network=st.sampled_from(["cloud", "home", "rotating", "vpn"]),
    addresses=st.integers(1, 100),
    cards=st.integers(1, 1_000_000),
    organizations=st.integers(1, 100),
    sign_up=st.sampled_from(["burst", "spread", "aged"]),
    start=st.floats(-3, 0.9),
    end=st.floats(0.91, 5),
    waves=st.integers(1, 9),
    techniques=st.dictionaries(st.sampled_from(TECHNIQUES), st.floats(0.01, 5), min_size=1),
    paraphrase=st.floats(0, 1),
    clients=st.sampled_from(["one", "some", "people", "agents"]),
    harness=st.sampled_from(["one", "own"]),
)
figures = st.floats(0, 1e6)
tables = st.builds(
    Costs, currency=st.just("EUR"), **{name: figures for name in Costs.__struct_fields__ if name != "currency"}
)
spans = st.floats(0.01, 1000)


@given(campaigns, spans, figures, tables)
def test_nothing_is_negative_and_the_parts_are_the_whole(
    campaign: Campaign, span: float, charge: float, costs: Costs
) -> None:
    found = price(campaign, span, charge, costs)
    assert found.money >= 0
    assert found.accounts > 0
    assert found.days >= 0
    assert not any(map(math.isnan, (found.money, found.accounts, found.days)))
    if math.isfinite(found.money):
        assert min(found.parts.values()) >= 0
        assert sum(found.parts.values()) == pytest.approx(found.money)


@given(campaigns, st.floats(0, 1), spans, figures, tables)
def test_more_cover_never_costs_less(
    campaign: Campaign, other: float, span: float, charge: float, costs: Costs
) -> None:
    less, more = sorted((campaign.cover, other))
    cheap, dear = (price(msgspec.structs.replace(campaign, cover=c), span, charge, costs) for c in (less, more))
    assert cheap.money <= dear.money * (1 + 1e-9)
    assert cheap.accounts <= dear.accounts * (1 + 1e-9)


@given(campaigns, spans, figures, tables)
def test_what_is_shared_never_costs_more(campaign: Campaign, span: float, charge: float, costs: Costs) -> None:
    private = msgspec.structs.replace(campaign, cards=1, organizations=1, addresses=1)
    assert price(campaign, span, charge, costs).money <= price(private, span, charge, costs).money * (1 + 1e-9)


def test_a_price_by_hand() -> None:
    """20 exchanges, a quarter of them cover: 15 kept, so 66.7 accounts; two months at home, two accounts to a line."""
    campaign = Campaign(
        name="x", exchanges=20, cover=0.25, network="home", addresses=2, cards=4, organizations=2, sign_up="aged"
    )
    costs = msgspec.structs.replace(
        COSTS, account=1, aged_account=2, card=4, organization=6, home_connection=30, cover_text=3, ageing_days=20
    )
    found = price(campaign, 45, 0.5, costs)
    accounts = 1000 / 15
    assert found.accounts == pytest.approx(accounts)
    assert found.parts["accounts"] == pytest.approx(accounts * 3)
    assert found.parts["payment"] == pytest.approx(accounts * (1 + 3))
    assert found.parts["network"] == pytest.approx(accounts * 30 / 2 * 2)
    assert found.parts["texts"] == pytest.approx(3 * (1000 / 0.75 - 1000) / 1000)
    assert found.parts["exchanges"] == pytest.approx(1000 / 0.75 * 0.5)
    assert found.parts["clients"] == 0
    assert found.days == 20


def test_nothing_but_cover_has_no_price() -> None:
    found = price(Campaign(name="x", cover=1.0), 14, 0.01, COSTS)
    assert (found.money, found.accounts, found.parts) == (math.inf, math.inf, {})
    assert found.days == COSTS.spread_days


def test_months_are_whole_and_waves_share_them() -> None:
    def network(**knobs: object) -> float:
        campaign = Campaign(name="x", exchanges=10, **knobs)  # type: ignore[arg-type]
        return price(campaign, 60, 0, COSTS).parts["network"] / (100 * COSTS.cloud_address)

    assert network() == pytest.approx(2)
    assert network(waves=2) == pytest.approx(1)
    assert network(waves=8) == pytest.approx(1)
    assert network(start=0.4, end=1.4) == pytest.approx(2)
    assert network(start=2.0, end=3.0) == pytest.approx(1)


def test_good_behaviour_takes_days_and_exchanges() -> None:
    plain, honest = (price(Campaign(name="x", honest_days=days), 14, 0.01, COSTS) for days in (0, 7))
    assert honest.days == plain.days + 7
    # Half the pace over as long as the harvest takes: half as many exchanges again.
    assert honest.parts["exchanges"] == pytest.approx(1.5 * plain.parts["exchanges"])


def test_an_evasion_that_buys_something_costs_more_than_its_base() -> None:
    bought = {"private_cards", "own_servers", "home_networks", "aged_accounts", "peoples_clients"}
    bought |= {"own_words", "cover_30", "cover_60", "cover_80", "copied_cover", "thin_accounts", "own_harness"}
    bought |= {"careful", "patient", "paranoid"}
    for evasion in evasions():
        with_it = price(evasion.campaign, 14, 0.01, COSTS)
        without = price(library()[evasion.of].campaign, 14, 0.01, COSTS)
        assert (with_it.money > without.money) == (evasion.name in bought), evasion.name


def test_a_table_of_ones_own_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_text('currency = "EUR"\ncard = 10\n')
    mine = read_costs(path)
    assert mine == msgspec.structs.replace(COSTS, currency="EUR", card=10.0)


@pytest.mark.parametrize(
    "content",
    [
        b"card = -1",
        b"card = inf",
        b"card = nan",
        b"card = 1e12",
        b"card = 'dear'",
        b"cards = 1",
        b"currency = ''",
        b'currency = "a\\nb"',
        b"currency = 3",
        b"\xff",
        b"[",
        b"x = " + b"[" * 100_000,
        b"card = 1" + b"0" * 400,
    ],
    ids=range(13),
)
def test_a_table_that_is_wrong_gets_one_line_that_names_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_costs(path)
    assert "\n" not in str(error.value)
    assert "hostile.toml" in str(error.value)


def test_a_table_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(InputError, match="--costs"):
            read_costs(path)


@pytest.mark.parametrize(("span", "charge"), [(0, 1), (-1, 1), (math.nan, 1), (math.inf, 1), (1, -1), (1, math.nan)])
def test_a_log_without_time_and_a_charge_below_nothing_are_refused(span: float, charge: float) -> None:
    with pytest.raises(UsageError):
        price(Campaign(name="x"), span, charge, COSTS)
