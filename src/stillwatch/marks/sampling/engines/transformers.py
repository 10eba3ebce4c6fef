"""Marks in what transformers generates.

::

    from stillwatch.marks.sampling.engines.transformers import Marked

    model.generate(**inputs, do_sample=True, watermarking_config=Marked(key))

`generate` puts processors of a ``logits_processor`` list before temperature, top-k and top-p, and only that of a
``watermarking_config`` after them (transformers 5, ``GenerationMixin._get_logits_processor``). A mark has to come last:
it stands for the draw. So it is handed over as a configuration, that makes a fresh processor for every call.

transformers has marks of its own (``WatermarkingConfig``, ``SynthIDTextWatermarkingConfig``); why these are used
instead: docs/decisions/0021-marks-of-our-own.md.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from transformers import LogitsProcessor
from transformers.generation.configuration_utils import BaseWatermarkingConfig

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Array
from stillwatch.marks.sampling.engines.rows import Coin, Marking, coin_for, mark_rows

__all__ = ["MarkProcessor", "Marked"]

Keys = MarkKey | Sequence[MarkKey | None]


class Marked(BaseWatermarkingConfig):  # type: ignore[misc]  # transformers is in an extra
    """What `generate` is given as ``watermarking_config``: one key for all rows, or one for each row, None for a row
    without a mark.

    The secret stays out of whatever transformers prints or saves of a configuration: only the keys' ids are there.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def validate(self) -> None:
        """Raises `PluginError` or `InputError` where a key's scheme is unknown or has a wrong parameter."""
        _markings(self._keys)

    def construct_processor(self, vocab_size: int, device: Any = "cpu") -> MarkProcessor:
        """The processor of one call of `generate`."""
        return MarkProcessor(self._keys)

    def to_dict(self) -> dict[str, Any]:
        """The keys' ids and schemes."""
        keys = [self._keys] if isinstance(self._keys, MarkKey) else self._keys
        return {"marks": [None if key is None else f"{key.id} {key.scheme}" for key in keys]}

    def to_json_string(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def __iter__(self) -> Any:
        yield from self.to_dict().items()

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Marked:
        return copy.copy(self)


class MarkProcessor(LogitsProcessor):  # type: ignore[misc]  # as above
    """Marks the draw of each row, where the whole context lies in the answer and did not come in it before.

    The first call's ``input_ids`` are the prompt. What is remembered is read from ``input_ids`` each time, not kept, so
    that rows may change places between steps. Used by itself in a ``logits_processor`` list it is right only where
    nothing comes after it: temperature 1, and no top-k, top-p or the like.
    """

    def __init__(self, keys: Keys) -> None:
        self._markings = _markings(keys)
        self._prompt: int | None = None

    def __call__(self, input_ids: Array, scores: Array) -> Array:
        """``input_ids`` (rows, length) so far; ``scores`` (rows, vocabulary). Raises ValueError for keys that are not
        as many as the rows."""
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
        markings = self._markings
        if not isinstance(markings, Marking) and len(markings) != len(scores):
            raise ValueError(f"{len(markings)} keys were given for {len(scores)} rows: give one, or one for each row")
        of_row = [markings] * len(scores) if isinstance(markings, Marking) else markings
        answers = input_ids[:, self._prompt :]
        coins: list[Coin | None] = [None] * len(scores)
        for width in {marking.scheme.context for marking in of_row if marking is not None}:
            for row, context in enumerate(_new_contexts(answers, width)):
                marking = of_row[row]
                if context is not None and marking is not None and marking.scheme.context == width:
                    coins[row] = coin_for(marking, context)
        return mark_rows(scores.clone(), coins) if any(coins) else scores


def _new_contexts(answers: Array, width: int) -> list[list[int] | None]:
    """The last ``width`` tokens of each answer, None where there are not as many or the same came before in it."""
    length = answers.shape[1]
    if length < width:
        return [None] * len(answers)
    last = answers[:, length - width :]
    if length == width:
        return list(last.tolist())
    before = answers[:, : length - 1].unfold(1, width, 1)
    met = (before == last[:, None]).all(dim=2).any(dim=1)
    return [None if old else row for row, old in zip(last.tolist(), met.tolist(), strict=True)]


def _markings(keys: Keys) -> Marking | list[Marking | None]:
    if isinstance(keys, MarkKey):
        return Marking.of(keys)
    return [None if key is None else Marking.of(key) for key in keys]
