"""What every registered comparison of two accounts keeps to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from stillwatch.exchange import CUSTOMER, EXCHANGE
from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.comparisons import COMPARISONS
from stillwatch.linkage.comparisons.base import Comparison
from stillwatch.signals.base import FORBIDDEN_READS

COLUMNS = {
    "start": {"started_at"},
    "turns": {"messages", "session_id"},
    "errors": {"status"},
    "answered": {"output_tokens"},
    "topics": {"messages"},
    "redrawn": {"messages"},
    "wording": {"messages"},
    "repeat": {"messages"},
    "technique": {"messages", "system_prompt", "tool_count"},
    "vector": {"messages"},
    "talk": {"messages"},
    "system": {"system_prompt"},
    "tools": {"tool_count"},
    "model": {"model"},
    "temperature": {"temperature"},
    "max_tokens": {"max_tokens"},
    "client": {"user_agent"},
    "address": {"client_ip"},
    "network": {"client_asn"},
    "fingerprint": {"ja4"},
    "payment": {"payment_id"},
    "organization": {"organization_id"},
    "created": {"created_at"},
}
"""The columns of a log that each field of an `Activity` is read from; every account is told by its account_id."""
ACCOUNTS, SESSIONS = 12, 7

Made = Callable[..., Activity]

every_comparison = pytest.mark.parametrize("name", COMPARISONS.names())


def compared(comparison: Comparison, activity: Activity, start: int = 0) -> NDArray[np.float32]:
    """All accounts against those from ``start`` on; what is left unwritten is infinite."""
    out = np.full((len(comparison.names), activity.accounts, activity.accounts - start), np.inf, dtype=np.float32)
    comparison.prepare(activity, describe_accounts(activity))(np.arange(activity.accounts), start, out)
    return out


def turned(activity: Activity, field: str) -> Activity:
    """The activity with one field handed on by one row."""
    if field in ("topics", "redrawn"):
        return replace(activity, **{field: tuple(np.roll(topic, 1) for topic in getattr(activity, field))})
    return replace(activity, **{field: np.roll(getattr(activity, field), 1, axis=0)})


def renumbered(activity: Activity, number: NDArray[np.int64]) -> Activity:
    """The same log with account ``a`` called ``number[a]``."""
    back = np.argsort(number)
    return replace(
        activity,
        account=number[activity.account],
        payment=activity.payment[back],
        organization=activity.organization[back],
        created=activity.created[back],
    )


@every_comparison
def test_info_is_complete(name: str) -> None:
    info = COMPARISONS.get(name).info
    assert info.name == name
    for text in (info.summary, info.reference, info.version, info.example, info.unit, info.innocent_reading):
        assert text.strip() == text != ""
    assert info.summary.endswith(".")
    assert info.innocent_reading.endswith(".")
    assert info.range[0] < info.range[1]
    assert info.example.split()[0] in COMPARISONS.get(name).names


@every_comparison
def test_reads_only_columns_that_exist_and_none_that_is_forbidden(name: str) -> None:
    reads = COMPARISONS.get(name).info.reads
    assert reads
    assert set(reads) <= {*EXCHANGE.names, *CUSTOMER.names}
    words = {word for column in reads for word in (column, *column.split("_"))}
    assert not words & {*FORBIDDEN_READS, "hour", "weekday", "region", "city"}


def test_no_field_of_an_activity_is_left_out_of_these_tests() -> None:
    structure = {"accounts", "account", "codebooks", "newest", "sees"}
    assert set(Activity.__dataclass_fields__) == structure | COLUMNS.keys()


@every_comparison
def test_reads_names_every_column_that_moves_it(name: str, made: Made) -> None:
    comparison, activity = COMPARISONS.get(name), made(ACCOUNTS, SESSIONS)
    plain = compared(comparison, activity)
    read = {field for field in COLUMNS if not np.array_equal(plain, compared(comparison, turned(activity, field)))}
    needed = {column for field in read for column in COLUMNS[field]}
    assert needed <= set(comparison.info.reads)


def test_no_two_features_have_one_name() -> None:
    names = [feature for _, comparison in COMPARISONS.all() for feature in comparison.names]
    assert len(names) == len(set(names))
    assert all(feature.isascii() and feature.isidentifier() for feature in names)  # names in a model file


@every_comparison
def test_every_feature_is_written_within_its_range_and_the_same_both_ways(name: str, made: Made) -> None:
    comparison = COMPARISONS.get(name)
    block = compared(comparison, made(ACCOUNTS, SESSIONS))
    assert np.isfinite(block).all()
    assert block.min() >= comparison.info.range[0]
    assert block.max() <= comparison.info.range[1]
    np.testing.assert_allclose(block, block.transpose(0, 2, 1), atol=1e-5)


@every_comparison
def test_a_part_of_a_block_is_the_same_as_in_the_whole(name: str, made: Made) -> None:
    comparison, activity = COMPARISONS.get(name), made(ACCOUNTS, SESSIONS)
    whole = compared(comparison, activity)
    np.testing.assert_allclose(compared(comparison, activity, start=5), whole[:, :, 5:], atol=1e-5)
    few = np.full((len(comparison.names), 2, ACCOUNTS), np.inf, dtype=np.float32)
    comparison.prepare(activity, describe_accounts(activity))(np.array([9, 3]), 0, few)
    np.testing.assert_allclose(few, whole[:, [9, 3]], atol=1e-5)


@every_comparison
def test_what_accounts_are_called_changes_nothing(name: str, made: Made) -> None:
    comparison, activity = COMPARISONS.get(name), made(ACCOUNTS, SESSIONS)
    number = np.random.default_rng(3).permutation(ACCOUNTS)
    moved = compared(comparison, renumbered(activity, number))
    np.testing.assert_allclose(moved[:, number][:, :, number], compared(comparison, activity), atol=1e-4)


@every_comparison
def test_moving_the_clock_changes_nothing(name: str, made: Made) -> None:
    """Whoever lives some hours or weeks away is compared alike: no comparison knows the hour of the day."""
    comparison, activity = COMPARISONS.get(name), made(ACCOUNTS, SESSIONS)
    for days in (0.5, 7.0):
        later = replace(activity, start=activity.start + days, created=activity.created + days)
        np.testing.assert_allclose(compared(comparison, later), compared(comparison, activity), atol=1e-4)


@every_comparison
@pytest.mark.parametrize(("accounts", "sessions"), [(0, 0), (1, 3), (1, 0), (3, 0)])
def test_next_to_nothing_is_no_error(name: str, accounts: int, sessions: int, made: Made) -> None:
    block = compared(COMPARISONS.get(name), made(accounts, sessions))
    assert np.isfinite(block).all()
