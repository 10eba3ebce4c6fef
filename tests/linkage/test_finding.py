"""The whole of linkage on small worlds: campaigns are found, the framed are not, and the order of rows is nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.exchange import EXCHANGE, accounts_of, in_order
from stillwatch.linkage import find_groups
from stillwatch.linkage.findings import Findings
from stillwatch.progress import Silent


def find(exchanges: pa.Table, customers: pa.Table | None, seed: int = 0) -> Findings:
    return find_groups(exchanges, customers, seed=seed, false_discovery=0.01, progress=Silent())


def accused(findings: Findings) -> set[int]:
    return {int(a) for group in findings.groups if group.verdict == "campaign" for a in group.accounts}


@pytest.fixture(scope="module")
def found(small: object) -> Findings:
    return find(small.exchanges, small.customers)  # type: ignore[attr-defined]


def test_campaigns_are_found_and_nobody_else(found: Findings, small: object) -> None:
    campaign = small.campaign  # type: ignore[attr-defined]
    guilty = {int(i) for i in np.flatnonzero(campaign != "")}
    assert accused(found) <= guilty
    blatant = {int(i) for i in np.flatnonzero(campaign == "blatant")}
    assert len(accused(found) & blatant) >= 0.9 * len(blatant)


def test_a_quiet_campaign_among_few_customers_is_at_least_shown(found: Findings, small: object) -> None:
    """With a few hundred accounts the bar on the false discovery rate may keep a quiet one under review."""
    quiet = small.campaign == "quiet"  # type: ignore[attr-defined]
    shown = {int(a) for group in found.groups for a in group.accounts}
    assert len(shown & {int(i) for i in np.flatnonzero(quiet)}) >= 0.6 * quiet.sum()


def test_a_verdict_carries_its_evidence_and_what_it_beat(found: Findings) -> None:
    for group in found.groups:
        assert (np.diff(group.accounts) > 0).all()
        assert all(len(bar) == len(group.accounts) for bar in group.evidence.values())
        if group.verdict == "campaign":
            assert group.rivals
            assert min(group.rivals.values()) > 0
            assert group.q_value <= 0.01
    assert found.taken.min() >= 0
    assert found.taken.max() <= 1


def test_the_order_of_rows_is_nothing(found: Findings, small: object) -> None:
    exchanges = small.exchanges  # type: ignore[attr-defined]
    order = np.random.default_rng(3).permutation(len(exchanges))
    again = find(in_order(exchanges.take(order)), small.customers)  # type: ignore[attr-defined]
    assert [g.accounts.tolist() for g in again.groups] == [g.accounts.tolist() for g in found.groups]
    np.testing.assert_array_equal(again.taken, found.taken)


@pytest.mark.parametrize("accounts", [0, 1, 3])
def test_a_log_of_nobody_or_few_is_clear(accounts: int, small: object) -> None:
    exchanges = small.exchanges  # type: ignore[attr-defined]
    _, account = accounts_of(exchanges)
    few = exchanges.filter(pa.array(account < accounts)).cast(EXCHANGE)
    assert find(few, None).groups == ()


def test_it_works_with_what_is_there(small: object) -> None:
    exchanges = small.exchanges  # type: ignore[attr-defined]
    campaign = small.campaign  # type: ignore[attr-defined]
    for hidden in (("messages", "response", "system_prompt"), ("client_ip", "client_asn", "user_agent", "ja4")):
        blank = exchanges
        for name in hidden:
            place = blank.schema.get_field_index(name)
            blank = blank.set_column(place, EXCHANGE.field(name), pa.nulls(len(blank), EXCHANGE.field(name).type))
        assert all(campaign[a] for a in accused(find(blank, None)))


def framed(exchanges: pa.Table, victims: np.ndarray, pool: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """The log with every request of the victims asked again by accounts of the pool, minutes to days later."""
    ids, account = accounts_of(exchanges)
    copied = exchanges.filter(pa.array(np.isin(account, victims)))
    n = len(copied)
    new = {
        "exchange_id": pa.array([f"copy_{i}" for i in range(n)], pa.large_string()),
        "account_id": ids.take(pa.array(rng.choice(pool, n))).cast(pa.large_string()),
        "session_id": pa.array([f"copied_{i}" for i in range(n)], pa.large_string()),
    }
    for name, column in new.items():
        copied = copied.set_column(copied.schema.get_field_index(name), EXCHANGE.field(name), column)
    return in_order(pa.concat_tables([exchanges, copied.cast(EXCHANGE)]))


@pytest.mark.slow
def test_the_framed_are_not_accused(small: object) -> None:
    """An attacker asks what innocent accounts ask, word for word: 24 victims, none of them accused."""
    rng = np.random.default_rng(8)
    campaign = small.campaign  # type: ignore[attr-defined]
    exchanges = small.exchanges  # type: ignore[attr-defined]
    _, account = accounts_of(exchanges)
    busy = np.bincount(account, minlength=len(campaign))
    honest = np.flatnonzero((campaign == "") & (busy >= 5) & (busy < 80))
    victims = rng.choice(honest, 24, replace=False)
    log = framed(exchanges, victims, np.flatnonzero(campaign == "blatant"), rng)
    findings = find(log, small.customers)  # type: ignore[attr-defined]
    assert accused(findings)
    assert not accused(findings) & {int(v) for v in victims}
    assert all(campaign[a] for a in accused(findings))
