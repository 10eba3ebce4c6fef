"""Exchanges as the numbers that account signals read: text is hashed here and goes no further."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.exchange import keyed_hashes
from stillwatch.signals.aggregate import ACCOUNT, FEATURES
from stillwatch.signals.new_text import new_turns

_HASHED = ("session_id", "model", "client_ip", "user_agent", "ja4")
_COPIED = ("status", "input_tokens", "output_tokens", "reasoning_tokens", "temperature", "max_tokens")


def exchange_features(exchanges: pa.Table, account: npt.NDArray[np.int64], key: bytes) -> pa.Table:
    """The columns `FEATURES` of exchanges in the schema `EXCHANGE`, one row for each, in their order.

    Args:
        exchanges: (n,) rows; columns may be null.
        account: (n,) account numbers (`stillwatch.exchange.accounts_of`); they stand in place of a hash.
        key: of the hashes, 1 to 64 bytes. Estimates of how many different values there are depend on it a little,
            so a fixed key gives the same figures for the same log; the table is as secret as the key.

    Returns:
        int64 and float64 columns only. An empty text is null.
    """
    texts = pa.array([text or None for text in new_turns(exchanges.column("messages")).text], pa.large_string())
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        ACCOUNT: pa.array(account, pa.int64()),
        "started_at": exchanges.column("started_at").cast(pa.int64()),
        "new_text": keyed_hashes(texts, key),
    }
    columns |= {name: keyed_hashes(exchanges.column(name), key) for name in _HASHED}
    columns |= {name: exchanges.column(name) for name in _COPIED}
    return pa.table({name: columns[name] for name in FEATURES})
