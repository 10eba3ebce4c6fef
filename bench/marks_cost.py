"""What marks cost a real generator: whole answers of a model, in pairs, and the time of a token. Needs torch."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, LogitsProcessor

from bench.tables import Table, say
from stillwatch.calibration import holm, permutation_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.engines.transformers import Marked, MarkProcessor
from stillwatch.marks.sampling.naming import scheme_named

Floats = NDArray[np.float64]
PAIRS, BATCH, LENGTH = 3072, 256, 40
DIFFERENCE, LEVEL, PLANTED = 0.01, 0.01, 200
TOKENS, ROUNDS = 24, 3


def key(scheme: str, number: int = 0) -> MarkKey:
    secret = (number + 1).to_bytes(32, "little")
    return MarkKey(id=str(number), secret=secret, scheme=scheme, scope="all", about="", epoch=0)


def model_of(config: Any, deviation: float) -> Any:
    """Untrained, its output scaled so that logits have the standard deviation ``deviation``: neither flat nor sure."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        ids = torch.randint(0, config.vocab_size, (4, 32))
        model.lm_head.weight *= deviation / model(ids).logits.std()
        model.lm_head.weight *= deviation / model(ids).logits.std()
    return model


def answers(model: Any, prompts: torch.Tensor, keys: list[MarkKey] | None, seed: int) -> Floats:
    """(rows,) mean log-probability of each answer's tokens."""
    torch.manual_seed(seed)
    out = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        do_sample=True,
        top_k=0,
        min_new_tokens=LENGTH,
        max_new_tokens=LENGTH,
        watermarking_config=None if keys is None else Marked(keys),
    )
    with torch.no_grad():
        logs = torch.log_softmax(model(out).logits[:, :-1].double(), dim=2)
    logs = logs.gather(2, out[:, 1:, None])[:, prompts.shape[1] - 1 :, 0]
    return np.asarray(logs.mean(dim=1))


def sign_flips(differences: Floats, rng: np.random.Generator, flips: int) -> float:
    """Two-sided p-value of no difference within pairs, from ``flips`` draws of all signs."""
    signs = rng.integers(0, 2, (flips, differences.size), dtype=np.int8) * 2.0 - 1.0
    return permutation_p_value(abs(differences.sum()), np.abs(signs @ differences))


def of_model_answers() -> Table:
    """How likely the model finds what it wrote, with and without a mark."""
    ends = {"bos_token_id": 0, "eos_token_id": None, "tie_word_embeddings": False}  # tied, it says one token for ever
    config = GPT2Config(vocab_size=500, n_positions=64, n_embd=64, n_layer=2, n_head=4, **ends)
    model, rows, rng = model_of(config, 2.2), [], np.random.default_rng(1)
    for kind in SCHEMES.names():
        say(f"answers of a model under {kind}")
        pairs = []
        for batch in range(PAIRS // BATCH):
            prompts = torch.randint(0, 500, (BATCH, 6), generator=torch.Generator().manual_seed(batch))
            keys = [key(kind, batch * BATCH + row) for row in range(BATCH)]
            pairs.append((answers(model, prompts, keys, 2 * batch), answers(model, prompts, None, 2 * batch + 1)))
        marked, plain = (np.concatenate(side) for side in zip(*pairs, strict=True))
        differences = marked - plain
        shift, centred = abs(DIFFERENCE * plain.mean()), differences - differences.mean()
        seen = [sign_flips(rng.choice(centred, PAIRS) + shift, rng, 499) <= LEVEL for _ in range(PLANTED)]
        rows.append(
            {
                "scheme": kind,
                "free": "yes" if scheme_named(kind).distortion_free else "no",
                "mean log-probability": f"{marked.mean():.4f}",
                "without": f"{plain.mean():.4f}",
                "p": sign_flips(differences, rng, 4999),
                "power at 1 %": float(np.mean(seen)),
            }
        )
    least = holm([row["p"] for row in rows if row["free"] == "yes"]).min()
    note = (
        f"{PAIRS:,} pairs of answers of {LENGTH} tokens to one prompt, a key each, by transformers; signs flipped in "
        f"pairs. Power: how often a planted 1 % of the mean is called at {LEVEL}. Least p of the schemes that should "
        f"not distort, after Holm: {least:.3f}."
    )
    return Table("marks-model-answers", "Does the model find its marked answers as likely?", rows, note)


class Timed(LogitsProcessor):  # type: ignore[misc]
    """The mark's processor, and the processor seconds it took."""

    def __init__(self, keys: MarkKey) -> None:
        self.mark, self.took = MarkProcessor(keys), 0.0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        began = time.thread_time()
        out = self.mark(input_ids, scores)
        self.took += time.thread_time() - began
        return out


class TimedMark(Marked):
    """A mark that can be asked how long it took."""

    def construct_processor(self, vocab_size: int, device: Any = "cpu") -> Timed:
        self.timed = Timed(self._keys)
        return self.timed

    def __deepcopy__(self, memo: dict[int, Any]) -> TimedMark:
        return self


def seconds(model: Any, kind: str, top_k: int) -> tuple[float, float]:
    """Processor seconds for a token: of all else, and of the mark, in one run (so that both meet the same machine)."""
    torch.manual_seed(0)
    prompt, marked = torch.arange(1, 17)[None], TimedMark(key(kind))
    began = time.thread_time()
    model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        top_k=top_k,
        min_new_tokens=TOKENS,
        max_new_tokens=TOKENS,
        watermarking_config=marked,
    )
    took = marked.timed.took
    return (time.thread_time() - began - took) / TOKENS, took / TOKENS


def of_time() -> Table:
    """Time of a token at batch 1, with each scheme and without, in turns."""
    torch.set_num_threads(1)
    ends = {"bos_token_id": 0, "eos_token_id": None}
    configs = {
        "1 M weights, 3,000 tokens": GPT2Config(vocab_size=3000, n_embd=128, n_layer=3, n_head=4, **ends),
        "124 M weights, 50,257 tokens": GPT2Config(**ends),
        "105 M weights, 151,936 tokens": LlamaConfig(
            vocab_size=151_936,
            hidden_size=512,
            intermediate_size=1536,
            num_hidden_layers=8,
            num_attention_heads=8,
            tie_word_embeddings=True,
            **ends,
        ),
    }
    rows = []
    for name, config in configs.items():
        model = model_of(config, 4.0)
        for top_k in (50, 0):
            say(f"{name}, top-k {top_k}")
            row: dict[str, Any] = {"model": name, "cut": f"top-k {top_k}" if top_k else "none"}
            shares = {}
            for kind in SCHEMES.names():
                seconds(model, kind, top_k)  # warms up
                rest, mark = np.mean([seconds(model, kind, top_k) for _ in range(ROUNDS)], axis=0).tolist()
                row["ms a token"] = 1000 * rest
                shares |= {f"{kind}, ms": 1000 * mark, f"{kind}, %": 100 * mark / rest}
            rows.append(row | shares)
            say(str(rows[-1]))
    note = (
        f"Batch 1, one thread, processor time; the mean of {ROUNDS} turns of {TOKENS} tokens each; untrained weights, "
        "logits of deviation 4 as trained models have."
    )
    return Table("marks-time", "What a mark adds to the time of a token", rows, note)
