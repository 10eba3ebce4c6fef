"""Lists of accounts: sorted, filtered and cut into pages, whatever an address asks for."""

from __future__ import annotations

import pytest

from stillwatch.console.reading import Run
from stillwatch.console.reading.tables import PAGE, SORTS, Wanted

COLUMN = {
    "account": "account_id",
    "probability": "posterior",
    "q": "q_value",
    "first": "first_seen",
    "last": "last_seen",
}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_in_their_order_hold_every_row_once_and_sorted(ordinary: Run, sort: str, descending: bool) -> None:
    wanted = Wanted(sort=sort, descending=descending)
    first = ordinary.accounts.page(wanted)
    rows = [row for n in range(1, first.pages + 1) for row in ordinary.accounts.page(wanted._replace(page=n)).rows]
    assert sorted(rows) == list(range(len(ordinary.accounts)))
    column = ordinary.accounts.table[rows].get_column(COLUMN.get(sort, sort))
    values = (column.fill_null(0.0) if sort == "probability" else column).to_list()
    assert values == sorted(values, reverse=descending)


def test_a_page_holds_a_hundred_and_one_beyond_the_last_is_the_last(ordinary: Run) -> None:
    group = ordinary.groups["C1"]
    first = ordinary.accounts.page(Wanted(), group.rows)
    assert (len(first.rows), first.total, first.number, first.pages) == (PAGE, 412, 1, 5)
    beyond = ordinary.accounts.page(Wanted(page=10**9), group.rows)
    assert (len(beyond.rows), beyond.number) == (12, 5)
    assert ordinary.accounts.page(Wanted(page=0), group.rows).number == 1


@pytest.mark.parametrize("page", ["", "-1", "0", "abc", "9" * 400, "１２", "1e9", "\udcff"])
def test_a_page_that_is_no_number_is_a_page(ordinary: Run, page: str) -> None:
    wanted = Wanted.read(page=page, sort="'; drop table", order="sideways", verdict="guilty")
    assert wanted == Wanted(page=wanted.page)
    assert 1 <= ordinary.accounts.page(wanted).number <= ordinary.accounts.page(wanted).pages


def test_a_text_is_looked_for_as_it_is_and_not_as_a_pattern(ordinary: Run) -> None:
    assert ordinary.accounts.page(Wanted(text="free_00")).total == 10
    assert ordinary.accounts.page(Wanted(text=".*")).total == 0
    assert ordinary.accounts.page(Wanted.read(text="\udcff" * 900)).total == 0
    assert ordinary.accounts.page(Wanted(text="free_"), ordinary.groups["C1"].rows).total == 0


def test_a_verdict_leaves_the_others_out(ordinary: Run) -> None:
    assert ordinary.accounts.page(Wanted(verdict="campaign")).total == 448
    assert ordinary.accounts.page(Wanted(verdict="review")).total == 25
    assert ordinary.accounts.page(Wanted(verdict="clear")).total == 40
