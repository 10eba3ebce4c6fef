"""How many messages stood before what is new."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.new_text import new_turns


class HistoryLength:
    """How many messages stood before what is new."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="history_length",
        summary="How many messages stood before what is new.",
        reference="Chat formats of common model APIs",
        version="1",
        example="4 in the third turn of a conversation",
        unit="messages",
        range=(0.0, float("inf")),
        reads=("messages",),
        innocent_reading="People hold long conversations too.",
    )

    def compute(self, batch: pa.RecordBatch) -> pa.Array:
        """int64, messages; 0 where ``messages`` is absent or cannot be read."""
        at = batch.schema.get_field_index("messages")
        turns = new_turns([None] * batch.num_rows if at < 0 else batch.column(at))
        return pa.array(turns.history_length, type=pa.int64())


SIGNAL = HistoryLength()
