"""The tables of a run's results, for programs: `Report` is for people.

Rows come in the order of account ids, of exchanges (time, then id) and of campaign ids; no column holds text of the
log or an identifier other than account and exchange ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.case import NOBODY, Case
from stillwatch.campaigns.report import Account, Campaign
from stillwatch.campaigns.technique import technique_names
from stillwatch.signals.behaviour import TRAITS, Behaviour, classes, space
from stillwatch.storage.names import told_name

BEHAVIOUR = "behaviour.parquet"
"""The file of `behaviour_table` in a run."""

_TEXT, _REAL, _WHOLE, _TIME = pa.large_string(), pa.float64(), pa.int64(), pa.timestamp("us", tz="UTC")
_ACCOUNTS = pa.schema(
    [("account_id", _TEXT), ("campaign_id", _TEXT), ("verdict", _TEXT), ("q_value", _REAL), ("posterior", _REAL),
     ("exchanges", _WHOLE), ("taken", _REAL), ("first_seen", _TIME), ("last_seen", _TIME)]
)  # fmt: skip
_CAMPAIGNS = pa.schema(
    [("campaign_id", _TEXT), ("verdict", _TEXT), ("accounts", _WHOLE), ("exchanges", _WHOLE), ("taken", _REAL),
     ("taken_low", _REAL), ("taken_high", _REAL), ("expected_innocent", _REAL), ("input_tokens", _REAL),
     ("output_tokens", _REAL), ("reasoning_tokens", _REAL), ("value", _REAL), ("currency", _TEXT),
     ("p_value", _REAL), ("e_value", _REAL), ("q_value", _REAL)]
)  # fmt: skip


def accounts_table(accounts: Sequence[Account]) -> pa.Table:
    """One row for each account; ``posterior`` is null for accounts in no group."""
    table = _table(_ACCOUNTS, accounts)
    in_group = pc.is_valid(table.column("campaign_id"))
    at = table.schema.get_field_index("posterior")
    return table.set_column(at, _ACCOUNTS.field("posterior"), pc.if_else(in_group, table.column("posterior"), None))


def campaigns_table(campaigns: Sequence[Campaign]) -> pa.Table:
    """One row for each group, those under review too (``verdict`` tells); no group gives no row."""
    return _table(_CAMPAIGNS, campaigns)


def exchanges_table(case: Case) -> pa.Table:
    """One row for each exchange: its id, group, technique (null for none) and probability of having been taken."""
    names = pa.array([*case.names, None], _TEXT)
    place = case.group_of[case.account]
    return pa.table(
        {
            "exchange_id": case.exchanges.column("exchange_id"),
            "campaign_id": names.take(pa.array(np.where(place == NOBODY, len(case.names), place))),
            "technique": pa.array(technique_names(case.technique), _TEXT),
            "taken": pa.array(case.findings.taken, _REAL),
        }
    )


def behaviour_table(ids: pa.Array, behaviour: Behaviour | None) -> pa.Table:
    """One row for each account of ``ids``, in their order: its sessions, its votes over the classes of the public
    behaviour space and the traits behind them (`stillwatch.signals.behaviour`), and the name of that space. Behaviour
    that was not looked at is zeros, like that of accounts without text."""
    if behaviour is None:
        nothing = np.zeros(len(ids), dtype=np.int64)
        behaviour = Behaviour(nothing, np.zeros((len(ids), classes())), np.zeros((len(ids), TRAITS)))

    def rows(values: np.ndarray) -> pa.Array:
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel(), pa.float32())
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])

    return pa.table(
        {
            "account_id": ids.cast(_TEXT),
            "space": pa.array([space()] * len(ids), _TEXT),
            "sessions": pa.array(behaviour.sessions, _WHOLE),
            "votes": rows(behaviour.votes),
            "traits": rows(behaviour.traits),
        }
    )


def rejected_table(rejected: Iterable[tuple[str, str]]) -> pa.Table:
    """One row for each line set aside: the reason and where it stands (``file:line``), never what it says."""
    pairs = [(reason, told_name(place)) for reason, place in rejected]
    return pa.table({"reason": pa.array([r for r, _ in pairs], _TEXT), "place": pa.array([w for _, w in pairs], _TEXT)})


def _table(schema: pa.Schema, rows: Sequence[Account] | Sequence[Campaign]) -> pa.Table:
    columns = {field.name: pa.array([getattr(row, field.name) for row in rows], field.type) for field in schema}
    return pa.table(columns, schema=schema)
