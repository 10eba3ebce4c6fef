"""Marks in what vLLM generates, for its second model runner (the usual one, by the documentation of 0.32).

Written against `vllm.v1.worker.gpu.sample.logits_processor` as merged in vLLM's pull request 56497 and documented at
docs.vllm.ai/en/v0.32.0 (features/custom_logitsprocs), and tested with a stand-in for that interface: **never run inside
vLLM**. How it is used: see `engines.vllm`, whose place it takes.
"""

from __future__ import annotations

from typing import Any

import torch
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Array
from stillwatch.marks.sampling.engines.requests import Request, Row, check_request, draw_marked, request_of

__all__ = ["VllmRunner2Mark"]


class VllmRunner2Mark(LogitsProcessor):  # type: ignore[misc]  # vLLM is in no environment of ours
    """Draws the token of marked requests and leaves the others alone.

    Called after penalties and grammar, before temperature and cuts: these are done here for marked rows, and change
    nothing in the one token that is left. The tokens that came before lie on the device; those that are new are read
    from there, once a step for all rows.
    """

    @staticmethod
    def key(name: str) -> MarkKey:
        """The key that a request names; a subclass says where from. Raises `StillwatchError` for one it does not know
        or that marks no more."""
        raise NotImplementedError("subclass VllmRunner2Mark and say where keys come from")

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raises ValueError for a request whose key is unknown: it fails at the door."""
        check_request(sampling_params, cls.key)

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        if vllm_config.speculative_config is not None:
            raise ValueError("marks are not made under speculative decoding: start vLLM without it")
        self._states = req_states
        self._requests: dict[int, tuple[Request, list[int]]] = {}

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Takes the request in, in whoever's place; whether it bears a mark."""
        self._requests.pop(req_idx, None)
        request = request_of(sampling_params, self.key, self._states.device)
        if request is not None:
            self._requests[req_idx] = (request, [])
        return request is not None

    def apply(self, logits: Array, ctx: Any) -> Array:
        """``logits`` (requests, vocabulary); ``ctx`` tells which slot each row is of and how long its text is."""
        slots = [int(slot) for slot in ctx.idx_mapping_np]
        if len(slots) != len(logits):
            raise ValueError("marks are not made under speculative decoding: start vLLM without it")
        lengths = dict(zip(slots, map(int, ctx.seq_lens_upper_bound_np), strict=True))
        self._read_on({slot: lengths[slot] for slot in slots if slot in self._requests})
        rows = []
        for row, slot in enumerate(slots):
            if slot in self._requests:
                request, answer = self._requests[slot]
                context = request.used.next(answer)
                if context is not None:
                    rows.append(Row(row, request, context))
        return draw_marked(logits, rows, scaled=False)

    def _read_on(self, lengths: dict[int, int]) -> None:
        """Read what each answer has grown by, in one transfer. A prompt that is not read whole yet has no answer."""
        wanted = []
        for slot, length in lengths.items():
            known = int(self._states.prompt_len.np[slot]) + len(self._requests[slot][1])
            wanted += [(slot, place) for place in range(known, length)]
        if wanted:
            where = torch.tensor(wanted, device=self._states.device).T
            for (slot, _), token in zip(
                wanted, self._states.all_token_ids.gpu[where[0], where[1]].tolist(), strict=True
            ):
                self._requests[slot][1].append(token)
