"""Whether the new part holds the result of a tool."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.new_text import new_turns


class ToolResult:
    """Whether the new part holds the result of a tool."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="tool_result",
        summary="Whether the new part holds the result of a tool.",
        reference="Chat formats of common model APIs",
        version="1",
        example="1 after a function call was carried out",
        unit="0 or 1",
        range=(0.0, 1.0),
        reads=("messages",),
        innocent_reading="Every app with function calling sends results of tools.",
    )

    def compute(self, batch: pa.RecordBatch) -> pa.Array:
        """int64, 0 or 1; 0 where ``messages`` is absent or cannot be read."""
        at = batch.schema.get_field_index("messages")
        turns = new_turns([None] * batch.num_rows if at < 0 else batch.column(at))
        return pa.array(turns.is_tool_result.astype("int64"), type=pa.int64())


SIGNAL = ToolResult()
