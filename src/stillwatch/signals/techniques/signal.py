"""What the technique signals share: one classification of a batch, of which each signal is a column."""

from __future__ import annotations

import weakref
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.signals.base import SignalInfo
from stillwatch.signals.new_text import new_turns
from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.model import Request, classify

READS = ("messages", "system_prompt", "tool_count")
REFERENCE = "This project's formulations (signals/techniques/formulations); multinomial logistic regression"

# Seven signals read one classification. The last batch's is kept for as long as that batch lives.
_LAST: list[tuple[weakref.ref[pa.RecordBatch], npt.NDArray[np.float64]]] = []


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    at = batch.schema.get_field_index(name)
    return batch.column(at) if at >= 0 else None


def request_of(batch: pa.RecordBatch) -> Request:
    """The columns that the classifier reads; an absent column reads as null."""
    n = batch.num_rows
    messages, prompts, tools = (_column(batch, name) for name in READS)
    turns = new_turns([None] * n if messages is None else messages)
    given: list[object] = [None] * n if prompts is None else prompts.to_pylist()
    system = [p if isinstance(p, str) and p else own for p, own in zip(given, turns.system, strict=True)]
    counts: list[object] = [None] * n if tools is None else tools.to_pylist()
    tool_count = [min(max(int(c), 0), 1000) if isinstance(c, int) else 0 for c in counts]
    return Request(
        text=turns.text,
        system=system,
        tool_count=np.array(tool_count, dtype=np.int64),
        is_tool_result=turns.is_tool_result,
        history_length=turns.history_length,
    )


def technique_probabilities(batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
    """Probability of each of `TECHNIQUES` for each exchange of the batch, [num_rows, 7] (0 rows: empty)."""
    for held, scores in _LAST:
        if held() is batch:
            return scores
    scores = classify(request_of(batch))
    scores.setflags(write=False)
    _LAST[:] = [(weakref.ref(batch), scores)]
    return scores


class TechniqueSignal:
    """The probability that an exchange uses one technique."""

    info: ClassVar[SignalInfo]

    def compute(self, batch: pa.RecordBatch) -> pa.Array:
        """Probabilities, float64 in [0, 1]; see `technique_probabilities`."""
        return pa.array(np.ascontiguousarray(technique_probabilities(batch)[:, TECHNIQUES.index(self.info.name)]))
