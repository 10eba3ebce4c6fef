"""Small transformers: made from nothing, taught, asked, and read.

GPT-2 in shape, through the same libraries as people's models: what is marked goes through transformers' ``generate``
with the mark of `marks.sampling.engines.transformers`, on the CPU, one thread each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

from bench.byte_level import byte_level_tokenizer
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.engines.transformers import Marked
from stillwatch.proving.radioactivity.base import Passage, Probabilities, Tokens
from stillwatch.proving.twins.base import LogProbability

VOCABULARY, CONTEXT, LONGEST = 1024, 256, 150
PAD, END, ANSWER = 0, 1, 2
_SPECIAL = ["<|pad|>", "<|end|>", "<|answer|>"]
SIZES = {"0.2 M": (64, 2, 2), "0.45 M": (96, 3, 3), "0.75 M": (128, 3, 4)}
"""By their weights: width, layers, heads."""
RATE, BATCH, WARM = 2e-3, 32, 40
Ids = tuple[int, ...]


class Text(NamedTuple):
    """One exchange, in tokens; the answer ends with `END` unless it was cut."""

    prompt: Ids
    answer: Ids

    @property
    def passage(self) -> Passage:
        """What the tests of marks read."""
        return Passage(np.asarray([*self.prompt, ANSWER, *self.answer], dtype=np.int64), len(self.prompt) + 1)


def tokenizer_of(texts: Sequence[str]) -> Tokenizer:
    """A byte-level vocabulary learnt from the texts."""
    return byte_level_tokenizer(texts, VOCABULARY, _SPECIAL)


def new_model(size: str, seed: int) -> GPT2LMHeadModel:
    """A model of one of `SIZES` that knows nothing."""
    torch.manual_seed(seed)
    width, layers, heads = SIZES[size]
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=width, n_layer=layers, n_head=heads,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=END, eos_token_id=END, pad_token_id=PAD,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


def teach(
    model: Any, texts: Sequence[Text], epochs: int, seed: int, after: Callable[[int], None] = lambda epoch: None
) -> float:
    """Go through the texts ``epochs`` times at one rate, calling ``after`` each; the mean loss of the last, in nats."""
    order = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    step, losses = 0, list[float]()
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for batch in _batches(texts, order):
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / WARM)
            ids = _padded([[*text.prompt, ANSWER, *text.answer] for text in batch])
            mask = ids != PAD
            loss = model(input_ids=ids, attention_mask=mask.long(), labels=ids.masked_fill(~mask, -100)).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
            step += 1
        after(epoch)
    return float(np.mean(losses)) if losses else math.nan


@torch.inference_mode()
def answers(
    model: Any,
    prompts: Sequence[Ids],
    seed: int,
    temperature: float = 1.0,
    keys: Sequence[MarkKey | None] = (),
    at_once: int = 256,
) -> list[Ids]:
    """What the model says to each prompt, marked under the key of each where there are ``keys``; prompts of like length
    are asked together. Temperature 0 takes the likeliest token."""
    torch.manual_seed(seed)
    model.eval()
    said: list[Ids] = [()] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    for start in range(0, len(order), at_once):
        places = order[start : start + at_once]
        ids = _padded([[*prompts[place], ANSWER] for place in places], left=True)
        how: dict[str, Any] = {"do_sample": True, "temperature": temperature, "top_k": 0}
        if not temperature:
            how = {"do_sample": False}
        if keys:
            how["watermarking_config"] = Marked([keys[place] for place in places])
        made = model.generate(
            input_ids=ids, attention_mask=(ids != PAD).long(), max_new_tokens=LONGEST, pad_token_id=PAD, **how
        )
        for place, row in zip(places, made[:, ids.shape[1] :].tolist(), strict=True):
            said[place] = tuple(row[: row.index(END) + 1] if END in row else row)
    return said


@torch.inference_mode()
def log_probabilities(model: Any, texts: Sequence[Text]) -> list[LogProbability]:
    """What the model gives to each answer after its prompt."""
    model.eval()
    found: list[LogProbability] = [LogProbability(0.0, 1)] * len(texts)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place].prompt) + len(texts[place].answer))
    for start in range(0, len(order), 64):
        places = order[start : start + 64]
        rows = [[*texts[place].prompt, ANSWER, *texts[place].answer] for place in places]
        ids = _padded(rows)
        logs = torch.log_softmax(model(input_ids=ids, attention_mask=(ids != PAD).long()).logits[:, :-1].float(), dim=2)
        of_tokens = logs.gather(2, ids[:, 1:, None])[:, :, 0].double()
        for row, place in enumerate(places):
            first, last = len(texts[place].prompt), len(rows[row]) - 1
            total = float(of_tokens[row, first:last].sum())
            found[place] = LogProbability(total, max(len(texts[place].answer), 1))
    return found


class Read:
    """`NextTokens` of a model, which remembers what it read: a thousand keys are tested on the same texts."""

    def __init__(self, model: Any) -> None:
        self._model = model.eval()
        self._known: dict[tuple[bytes, bytes], Probabilities] = {}

    @torch.inference_mode()
    def read(self, tokens: Tokens, positions: Tokens) -> Probabilities:
        """As `NextTokens.read`."""
        name = (tokens.tobytes(), positions.tobytes())
        if name not in self._known:
            logits = self._model(input_ids=torch.from_numpy(tokens.copy())[None]).logits[0]
            chosen = logits[torch.from_numpy(positions - 1)].float()
            self._known[name] = torch.softmax(chosen, dim=1).numpy()
        return self._known[name]


def save(model: Any, folder: Path) -> None:
    """Keep a model as transformers does."""
    model.save_pretrained(folder)


def load(folder: Path) -> Any:
    """A kept model."""
    return GPT2LMHeadModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()


def ids_of(tokens: Tokenizer, texts: Sequence[str], end: bool = False) -> list[Ids]:
    """Texts in tokens."""
    return [(*coded.ids, END) if end else tuple(coded.ids) for coded in tokens.encode_batch(list(texts))]


def text_of(tokens: Tokenizer, ids: Ids) -> str:
    """Tokens as text."""
    return str(tokens.decode(list(ids), skip_special_tokens=True))


def _batches(texts: Sequence[Text], order: np.random.Generator) -> Iterator[list[Text]]:
    """All texts in batches of like length, which saves padding; texts and batches in a new order each time."""
    shuffled: NDArray[np.int64] = order.permutation(len(texts))
    places = sorted(shuffled.tolist(), key=lambda place: (len(texts[place].prompt) + len(texts[place].answer)) // 8)
    starts = order.permutation(np.arange(0, len(places), BATCH))
    for start in starts.tolist():
        yield [texts[place] for place in places[start : start + BATCH]]


def _padded(rows: Sequence[Sequence[int]], left: bool = False) -> torch.Tensor:
    longest = max(map(len, rows))
    padded = [
        [PAD] * (longest - len(row)) + list(row) if left else [*row] + [PAD] * (longest - len(row)) for row in rows
    ]
    return torch.tensor(padded, dtype=torch.int64)
