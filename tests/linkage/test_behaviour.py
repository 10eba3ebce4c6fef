"""``behaviour.parquet`` holds the same bytes in whatever order a log's rows come, and an account's row is its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.results import behaviour_table
from stillwatch.exchange import accounts_of, in_order
from stillwatch.linkage.reading import read_activity
from stillwatch.progress import Silent
from stillwatch.storage.tables import write_table

if TYPE_CHECKING:
    from tests.linkage.conftest import Small


def written(exchanges: pa.Table) -> pa.Table:
    reading = read_activity(exchanges, None, progress=Silent())
    return behaviour_table(accounts_of(exchanges)[0], reading.behaviour)


def test_rows_in_any_order_give_the_same_bytes(small: Small, tmp_path: Path) -> None:
    some = small.exchanges.slice(0, 1500)
    mixed = in_order(some.take(np.random.default_rng(1).permutation(1500)))
    for name, table in (("as it is", some), ("mixed", mixed)):
        write_table(written(table), tmp_path / name)
    assert (tmp_path / "as it is").read_bytes() == (tmp_path / "mixed").read_bytes()


def test_an_account_has_the_same_row_at_a_provider_with_other_customers(small: Small) -> None:
    """Two providers compare behaviour: nothing may be learnt from who else is there."""
    some = small.exchanges.slice(0, 1500)
    here = np.random.default_rng(2).random(len(small.campaign)) < 0.5
    names = accounts_of(small.exchanges)[0].filter(pa.array(here))
    half = some.filter(pc.is_in(some.column("account_id"), value_set=names))
    whole, part = written(some), written(half)
    rows = pc.index_in(part.column("account_id"), value_set=whole.column("account_id").combine_chunks())
    assert part.num_rows > 20
    assert whole.take(rows).column("votes").to_pylist() == part.column("votes").to_pylist()


def test_a_log_without_text_tells_nothing(small: Small) -> None:
    some = small.exchanges.slice(0, 300)
    for name in ("messages", "system_prompt", "response"):
        at = some.schema.get_field_index(name)
        some = some.set_column(at, some.schema.field(name), pa.nulls(300, pa.large_string()))
    told = written(some)
    assert sum(told.column("sessions").to_pylist()) > 0
    assert not np.array(told.column("votes").to_pylist()).any()
