"""Marks in what vLLM generates, for its first model runner (``VLLM_USE_V2_MODEL_RUNNER=0``, and releases before it had
a second one; for that see `engines.vllm_runner2`).

Written against `vllm.v1.sample.logits_processor` as documented at docs.vllm.ai/en/v0.29.0 (design/logits_processors,
features/custom_logitsprocs), and tested with a stand-in for that interface: **never run inside vLLM**.

::

    # marks_here.py, importable by the server: where keys come from
    class Mark(VllmMark):
        @staticmethod
        def key(name: str) -> MarkKey: ...

    # vllm serve MODEL --logits-processors marks_here:Mark

A request is marked where its ``vllm_xargs`` hold ``{"stillwatch_mark": KEY ID}``. A customer must not be able to send
that field, nor to take it away: the gateway sets it.
"""

from __future__ import annotations

from typing import Any

from vllm.v1.sample.logits_processor import LogitsProcessor, MoveDirectionality

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Array
from stillwatch.marks.sampling.engines.requests import Request, Row, check_request, draw_marked, request_of

__all__ = ["VllmMark"]


class VllmMark(LogitsProcessor):  # type: ignore[misc]  # vLLM is in no environment of ours
    """Draws the token of marked requests and leaves the others alone.

    Says of itself that it does not change the likeliest token. That is how vLLM tells processors that run after
    temperature and min-p, for requests that are drawn, from those that run before: and greedy requests, whose token
    is taken before, are in fact left as they are. Speculative decoding, under which vLLM refuses custom processors,
    is refused.
    """

    @staticmethod
    def key(name: str) -> MarkKey:
        """The key that a request names; a subclass says where from. Raises `StillwatchError` for one it does not know
        or that marks no more."""
        raise NotImplementedError("subclass VllmMark and say where keys come from")

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raises ValueError for a request whose key is unknown: it fails at the door."""
        check_request(sampling_params, cls.key)

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        if getattr(vllm_config, "speculative_config", None) is not None:
            raise ValueError("marks are not made under speculative decoding: start vLLM without it")
        self._device = device
        self._requests: dict[int, tuple[Request, list[int]]] = {}

    def is_argmax_invariant(self) -> bool:
        """See the class."""
        return True

    def update_state(self, batch_update: Any) -> None:
        """Follows requests as they come, go and change rows."""
        if batch_update is None:
            return
        for row in batch_update.removed:
            self._requests.pop(row, None)
        for row, parameters, _, answer in batch_update.added:
            request = request_of(parameters, self.key, self._device)
            self._requests.pop(row, None)
            if request is not None:
                self._requests[row] = (request, answer)
        for one, other, direction in batch_update.moved:
            first, second = self._requests.pop(one, None), self._requests.pop(other, None)
            if first is not None:
                self._requests[other] = first
            if second is not None and direction == MoveDirectionality.SWAP:
                self._requests[one] = second

    def apply(self, logits: Array) -> Array:
        """``logits`` (requests, vocabulary) after temperature. Raises RuntimeError where vLLM does not know yet what it
        generated last."""
        rows = []
        for row, (request, answer) in self._requests.items():
            if answer and answer[-1] < 0:  # a place that vLLM has not filled yet
                raise RuntimeError("marks need every token that came before: start vLLM with --no-async-scheduling")
            context = request.used.next(answer)
            if context is not None:
                rows.append(Row(row, request, context))
        return draw_marked(logits, rows, scaled=True)
