"""Rows of logits in torch, each marked under a key of its own or not at all: what every engine does at a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.base import Array, Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, values

__all__ = ["Coin", "Marking", "coin_for", "mark_rows"]


class Marking(NamedTuple):
    """A key with its scheme, read once."""

    scheme: Scheme
    secret: bytes

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

    Probabilities are taken in double precision (in single precision the unlikely tokens, of which there are many,
    would share a few values of a waiting time). On a CPU only tokens that can come are looked at, which is what makes
    this cheap after top-k; on an accelerator ``whole`` rows go at once, and nothing waits for the host.
    """
    for scheme in {coin.scheme for coin in coins if coin is not None}:
        rows = [row for row, coin in enumerate(coins) if coin is not None and coin.scheme == scheme]
        seed = torch.tensor([coin.seed for coin in coins if coin is not None and coin.scheme == scheme])
        if not (logits.device.type != "cpu" if whole is None else whole):
            for row, start in zip(rows, seed, strict=True):
                able = torch.nonzero(logits[row] > -torch.inf)[:, 0]
                marked = _marked(scheme, logits[row, able], start[None].expand(able.shape), able)
                logits[row] = -torch.inf
                logits[row, able] = marked.to(logits.dtype)
        else:
            tokens = torch.arange(logits.shape[1], device=logits.device)
            marked = _marked(scheme, logits[rows], seed.to(logits.device)[:, None], tokens)
            logits[rows] = marked.to(logits.dtype)
    return logits


def _marked(scheme: Scheme, logits: Array, seed: Array, tokens: Array) -> Array:
    probabilities = torch.softmax(logits, dim=-1, dtype=torch.float64)
    return torch.log(scheme.reweighted(probabilities, values(seed, tokens), torch))
