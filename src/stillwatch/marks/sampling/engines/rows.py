"""Rows of logits in torch, each marked under a key of its own or not at all: what every engine does at a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Array, Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, values

__all__ = ["RARE", "Coin", "Marking", "coin_for", "mark_rows"]

RARE = 1e-5
"""The probability below which a token is drawn without the mark on a CPU. What is rare follows from the probabilities
alone, never from the coins, and that is all that it takes to distort nothing."""


@dataclass(frozen=True, slots=True)
class Marking:
    """A key with its scheme, read once; printed without the secret."""

    scheme: Scheme
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, key: MarkKey) -> Marking:
        """Raises `PluginError` or `InputError` where the key's scheme is unknown."""
        return cls(scheme_named(key.scheme), key.secret)


class Coin(NamedTuple):
    """What marks one row at one step: the scheme, and the seed of the row's context."""

    scheme: Scheme
    seed: int


def coin_for(marking: Marking, context: Sequence[int]) -> Coin:
    """The coin of ``context``, of as many tokens as the scheme wants."""
    return Coin(marking.scheme, int(seeds(marking.secret, np.array([context], dtype=np.int64))[0]))


def mark_rows(logits: Array, coins: Sequence[Coin | None], whole: bool | None = None) -> Array:
    """Rows of ``logits`` (rows, vocabulary), ready to be drawn from, with the mark in those that have a coin.

    ``logits`` are as the draw would see them without a mark: after temperature, top-k, top-p, with −inf for what is
    cut off. They are changed in place where rows are marked: their softmax is the scheme's distribution.

    On an accelerator ``whole`` rows are marked at once, and nothing waits for the host. On a CPU, where a vocabulary
    of 150,000 would cost as much as a small model, tokens less likely than `RARE` are drawn as ever and only the
    others under the mark, among which it keeps their probability: as free of distortion, and about as many tokens
    bear no mark as are rare.
    """
    for scheme in {coin.scheme for coin in coins if coin is not None}:
        rows = [row for row, coin in enumerate(coins) if coin is not None and coin.scheme == scheme]
        seed = torch.tensor([coin.seed for coin in coins if coin is not None and coin.scheme == scheme])
        if not (logits.device.type != "cpu" if whole is None else whole):
            for row, start in zip(rows, seed, strict=True):
                logits[row] = _mark_likely(logits[row], scheme, start[None])
        else:
            tokens = torch.arange(logits.shape[1], device=logits.device)
            # In double precision: 2^-24 apart, the waiting times of unlikely tokens would be drawn from few values.
            p = torch.softmax(logits[rows], dim=1, dtype=torch.float64)
            marked = scheme.reweighted(p, values(seed.to(logits.device)[:, None], tokens), torch)
            logits[rows] = torch.log(marked).to(logits.dtype)
    return logits


def _mark_likely(row: Array, scheme: Scheme, seed: Array) -> Array:
    """``row`` (vocabulary,) with the mark in the tokens that are not rare."""
    logs = torch.log_softmax(row, dim=0, dtype=torch.float32)
    likely = torch.nonzero(logs >= math.log(RARE))[:, 0]
    if len(likely):
        p = torch.exp(logs[likely].double())
        mass = p.sum()
        marked = scheme.reweighted(p / mass, values(seed.expand(likely.shape), likely), torch)
        logs[likely] = torch.log(marked * mass).float()
    return logs.to(row.dtype)
