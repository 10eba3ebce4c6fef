"""What a server of many requests needs to mark some of them: whose key, what comes before the draw, the draw itself.

A server's own cuts (top-k, top-p) can come after its hooks, and would cut a second time what a mark has reweighted. So
here everything up to the draw is done, and what is handed back leaves one token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from stillwatch.errors import StillwatchError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.answers import UsedContexts
from stillwatch.marks.sampling.base import Array
from stillwatch.marks.sampling.engines.rows import Marking, coin_for, mark_rows

__all__ = ["ARGUMENT", "Request", "Row", "check_request", "cut", "draw_marked", "request_of"]

ARGUMENT = "stillwatch_mark"
"""The extra argument of a request that names its key; set by the provider's gateway, never taken from a customer."""
GREEDY = 1e-5
"""Below this temperature vLLM takes the likeliest token: there is no draw to mark."""


class Request(NamedTuple):
    """A request that bears a mark, while it runs."""

    marking: Marking
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    used: UsedContexts
    generator: Any
    """torch's, of the request's own seed; None without one."""


class Row(NamedTuple):
    """A row of logits whose draw is to be marked now."""

    row: int
    request: Request
    context: tuple[int, ...]


def check_request(parameters: Any, key: Callable[[str], MarkKey]) -> None:
    """Raises ValueError, which servers hand to the client, where a request names a key in a way that cannot work."""
    name = (getattr(parameters, "extra_args", None) or {}).get(ARGUMENT)
    if name is None:
        return
    if not isinstance(name, str):
        raise ValueError(f"{ARGUMENT} must be the id of a key")
    try:
        Marking.of(key(name))
    except StillwatchError as error:
        raise ValueError(f"{ARGUMENT}: {error}") from None


def request_of(parameters: Any, key: Callable[[str], MarkKey], device: Any) -> Request | None:
    """The marked request of these sampling parameters (vLLM's); None where it names no key or nothing is drawn."""
    name = (getattr(parameters, "extra_args", None) or {}).get(ARGUMENT)
    if name is None or parameters.temperature < GREEDY:
        return None
    marking = Marking.of(key(name))
    generator = None
    if parameters.seed is not None:
        generator = torch.Generator(device=device).manual_seed(parameters.seed)
    return Request(
        marking,
        parameters.temperature,
        parameters.top_k,
        parameters.top_p,
        parameters.min_p,
        UsedContexts(marking.scheme.context),
        generator,
    )


def draw_marked(logits: Array, rows: Sequence[Row], *, scaled: bool) -> Array:
    """Draws under the mark in ``rows`` of ``logits`` (all rows, vocabulary): each keeps one token, at 0, in place.

    ``scaled`` says whether temperature and min-p were applied already. What the coins leave open is drawn by torch's
    own generator or the request's, as vLLM draws: so ranks that hold the same logits draw the same token.
    """
    if not rows:
        return logits
    where = torch.tensor([row.row for row in rows], device=logits.device)
    requests = [row.request for row in rows]
    ready = cut(logits[where], requests, scaled=scaled)
    ready = mark_rows(ready, [coin_for(row.request.marking, row.context) for row in rows])
    chances = torch.softmax(ready, dim=1, dtype=torch.float64)
    waits = torch.empty_like(chances).exponential_()
    for place, request in enumerate(requests):
        if request.generator is not None:
            waits[place].exponential_(generator=request.generator)
    tokens = (chances / waits).argmax(dim=1)
    logits[where] = -torch.inf
    logits[where, tokens] = 0.0
    return logits


def cut(logits: Array, requests: Sequence[Request], *, scaled: bool) -> Array:
    """``logits`` (rows, vocabulary) in single precision after each row's temperature, min-p, top-k and top-p, in vLLM's
    order; top-k of 0 or less is none. Of equally likely tokens at the edge of top-k some are kept, vLLM keeps all."""
    ready = logits.float()
    size = ready.shape[1]

    def column(values: list[float]) -> Array:
        return torch.tensor(values, device=ready.device)[:, None]

    if not scaled:
        ready = ready / column([request.temperature for request in requests])
        if any(request.min_p > 0 for request in requests):
            p = torch.softmax(ready, dim=1)
            least = column([request.min_p for request in requests]) * p.amax(dim=1, keepdim=True)
            ready = ready.masked_fill(p < least, -torch.inf)
    tops = [request.top_k if 0 < request.top_k < size else size for request in requests]
    if any(top < size for top in tops) or any(request.top_p < 1 for request in requests):
        ordered, tokens = ready.sort(dim=1, descending=True, stable=True)
        rank = torch.arange(size, device=ready.device)
        ordered = ordered.masked_fill(rank >= column(list(tops)), -torch.inf)
        p = torch.softmax(ordered, dim=1)
        enough = p.cumsum(dim=1) - p >= column([request.top_p for request in requests])
        ordered = ordered.masked_fill(enough & (rank > 0), -torch.inf)
        ready = torch.empty_like(ready).scatter_(1, tokens, ordered)
    return ready
