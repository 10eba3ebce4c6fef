"""The types of vLLM's two interfaces for logits processors, and an engine of a few lines that uses each as documented.

vLLM itself cannot be installed here. Written from its documentation (docs.vllm.ai: v0.29.0 and v0.32.0,
features/custom_logitsprocs and design/logits_processors): which methods are called with what, and in which order.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")


class Direction(enum.Enum):
    UNIDIRECTIONAL = 1
    SWAP = 2


class Update(NamedTuple):
    batch_size: int
    removed: list[int]
    added: list[tuple[int, Any, list[int], list[int]]]
    moved: list[tuple[int, int, Direction]]


@dataclass
class SamplingParams:
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    extra_args: dict[str, Any] | None = None


class Processor:
    """What both abstract classes are to a subclass here."""


def install() -> None:
    """Make ``import vllm.…`` find these types."""
    for name, attributes in (
        ("vllm.v1.sample.logits_processor", {"LogitsProcessor": Processor, "MoveDirectionality": Direction}),
        ("vllm.v1.worker.gpu.sample.logits_processor", {"LogitsProcessor": Processor}),
    ):
        module = types.ModuleType(name)
        module.__dict__.update(attributes)
        parts = name.split(".")
        for length in range(1, len(parts)):
            sys.modules.setdefault(".".join(parts[:length]), types.ModuleType(".".join(parts[:length])))
        sys.modules[name] = module


def logits_after(last: int, vocabulary: int) -> torch.Tensor:
    """A model: bigram, fixed, with Zipf's frequencies."""
    return torch.log(torch.roll(1 / torch.arange(1, vocabulary + 1) ** 1.1, 37 * last % vocabulary))


def cut_and_draw(logits: torch.Tensor, parameters: SamplingParams, generator: torch.Generator) -> int:
    """What vLLM does after its processors: top-k, top-p, a draw; by another way than the code under test."""
    p = torch.softmax(logits.double(), 0)
    order = torch.argsort(p, descending=True)[: parameters.top_k or None]
    kept = order[p[order].cumsum(0) - p[order] < parameters.top_p * p[order].sum()]
    return int(kept[torch.multinomial(p[kept], 1, generator=generator)])


Running = tuple[SamplingParams, list[int], list[int]]


@dataclass
class FirstRunner:
    """Requests in rows 0 … n-1, as the first model runner keeps them: a new one fills a gap, then the last ones do."""

    processor: Any
    vocabulary: int
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(1))
    rows: list[Running | None] = field(default_factory=list)
    changes: dict[str, list[Any]] = field(default_factory=lambda: {"removed": [], "added": [], "moved": []})

    def add(self, parameters: SamplingParams, prompt: list[int]) -> list[int]:
        """The answer, which will grow."""
        answer: list[int] = []
        if None not in self.rows:
            self.rows.append(None)
        row = self.rows.index(None)
        self.changes["added"].append((row, parameters, prompt, answer))
        self.rows[row] = (parameters, prompt, answer)
        return answer

    def remove(self, row: int) -> None:
        self.changes["removed"].append(row)
        self.rows[row] = None

    def swap(self, one: int, other: int) -> None:
        self.changes["moved"].append((one, other, Direction.SWAP))
        self.rows[one], self.rows[other] = self.rows[other], self.rows[one]

    def steps(self, number: int) -> None:
        for _ in range(number):
            while None in self.rows:
                last, gap = self.rows.pop(), self.rows.index(None) if None in self.rows else len(self.rows)
                if last is not None and gap < len(self.rows):
                    self.changes["moved"].append((len(self.rows), gap, Direction.UNIDIRECTIONAL))
                    self.rows[gap] = last
            running = [row for row in self.rows if row is not None]
            changed = any(self.changes.values())
            self.processor.update_state(Update(len(running), **self.changes) if changed else None)
            self.changes = {"removed": [], "added": [], "moved": []}
            rows = [logits_after([*p, *a][-1], self.vocabulary) / max(s.temperature, 1e-5) for s, p, a in running]
            logits = torch.stack(rows)
            greedy = logits.argmax(1)
            logits = self.processor.apply(logits)
            for row, (parameters, _, answer) in enumerate(running):
                drawn = cut_and_draw(logits[row], parameters, self.generator)
                answer.append(int(greedy[row]) if parameters.temperature < 1e-5 else drawn)


@dataclass
class SecondRunner:
    """Requests in slots that stay, rows in an order that does not, as the second model runner keeps them."""

    vocabulary: int
    slots: int = 4
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(1))
    requests: dict[int, SamplingParams] = field(default_factory=dict)
    processor: Any = None

    def __post_init__(self) -> None:
        self.states = types.SimpleNamespace(
            device=torch.device("cpu"),
            all_token_ids=types.SimpleNamespace(gpu=torch.zeros(self.slots, 512, dtype=torch.int32)),
            prompt_len=types.SimpleNamespace(np=np.zeros(self.slots, dtype=np.int32)),
        )
        self.length = [0] * self.slots

    def add(self, slot: int, parameters: SamplingParams, prompt: list[int], answer: Iterable[int] = ()) -> None:
        text = [*prompt, *answer]
        self.states.all_token_ids.gpu[slot, : len(text)] = torch.tensor(text)
        self.states.prompt_len.np[slot] = len(prompt)
        self.length[slot] = len(text)
        self.requests[slot] = parameters
        self.processor.add_request(slot, parameters)

    def answer(self, slot: int) -> list[int]:
        start = int(self.states.prompt_len.np[slot])
        return [int(token) for token in self.states.all_token_ids.gpu[slot, start : self.length[slot]]]

    def steps(self, number: int) -> None:
        for step in range(number):
            slots = np.roll(list(self.requests), step)
            tokens = self.states.all_token_ids.gpu
            logits = torch.stack([logits_after(int(tokens[s, self.length[s] - 1]), self.vocabulary) for s in slots])
            lengths = np.array([self.length[s] for s in slots])
            logits = self.processor.apply(
                logits, types.SimpleNamespace(idx_mapping_np=slots, seq_lens_upper_bound_np=lengths)
            )
            for row, slot in enumerate(slots):
                parameters = self.requests[slot]
                scaled = logits[row] / max(parameters.temperature, 1e-5)
                tokens[slot, self.length[slot]] = cut_and_draw(scaled, parameters, self.generator)
                self.length[slot] += 1
