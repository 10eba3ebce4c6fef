"""How an account is used, as evidence that it belongs to a group: client, settings, sign-up, networks, life, load.

Each trait is a small category; its weight of evidence for a group is log P(trait | group) / P(trait | accounts of
like load), Fellegi and Sunter's (1969) with the group's own frequencies, learnt without the account judged and
shrunk toward the population. Conditional on load, because everything about a light account looks alike; the number of
tools conditional on the agent that offers them, because strangers who use one agent have that in common.

Never read: language, country, nationality, time zone, name, e-mail, hours of the day.
"""

from __future__ import annotations

import numpy as np

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity, Floats, Ints, Singles
from stillwatch.linkage.comparisons.settings import usual_code, usual_tools

CATEGORIES = (("temp", 30), ("maxt", 30), ("client", 120), ("asn", 200), ("sysp", 100), ("tools", 40))
"""Unordered traits and how many of the commonest values are told apart."""
ORDERED = (
    "load", "first", "last", "turns", "age", "created", "gapcv", "nasn", "nip", "m5", "fm5", "agent", "worded",
    "err", "rate", "dur", "answer", "talk",
)  # fmt: skip
"""Traits on a scale, cut at the population's quantiles; neighbouring bins lend each other weight."""
NAMES = (*(name for name, _ in CATEGORIES), *ORDERED)
_BINS = 40
_SHRINK, _LOAD_SHRINK, _AGENT_SHRINK = 8.0, 20.0, 5.0
_AGENTS = 50  # commonest agents that are told apart by their system prompts
_KEPT, _LENT = 0.4, 0.3


class Traits:
    """The traits of a log's accounts; see `log_odds`."""

    def __init__(self, activity: Activity, accounts: Accounts) -> None:
        codes = {
            "temp": activity.temperature,
            "maxt": activity.max_tokens,
            "client": activity.client,
            "asn": activity.network,
        }
        usual = {name: usual_code(activity, code) for name, code in codes.items()}
        usual["sysp"] = usual_code(activity, activity.system, activity.system > 0)
        usual["tools"], agent = usual_tools(activity)
        self._value = {name: _commonest(usual[name], most) for name, most in CATEGORIES}
        judged = accounts.sessions >= 2
        for name in ORDERED:
            self._value[name] = _binned(accounts.value[name], judged)
        self._size = {name: int(value.max(initial=0)) + 1 for name, value in self._value.items()}
        self._expected = {name: self._among(name, accounts.load, _LOAD_SHRINK) for name in NAMES if name != "tools"}
        # How many tools are offered is the agent's choice before its user's: expected among those who use the same.
        self._expected["tools"] = self._among("tools", _commonest(agent, _AGENTS), _AGENT_SHRINK)

    def _among(self, name: str, alike: Ints, shrink: float) -> Floats:
        """Share of each account's value among the accounts of its class ``alike`` (n,), shrunk toward everybody's."""
        value, size = self._value[name], self._size[name]
        base = (np.bincount(value, minlength=size) + 1.0) / (len(value) + size)
        if name == "load":
            return base[value]
        table = np.zeros((int(alike.max(initial=0)) + 1, size))
        np.add.at(table, (alike, value), 1.0)
        table = (table + shrink * base) / (table.sum(axis=1, keepdims=True) + shrink)
        if name in ORDERED:
            table = np.stack([_smooth(row) for row in table])
            table /= table.sum(axis=1, keepdims=True)
        expected: Floats = table[alike, value]
        return expected

    def log_odds(self, member: Floats) -> tuple[Singles, Singles]:
        """Weight of evidence (nats) of each trait that each account belongs, (n, traits), and the members' means.

        ``member`` (n,) weighs the group. An empty group gives 0 everywhere.
        """
        out = np.empty((len(member), len(NAMES)), dtype=np.float32)
        mean = np.empty(len(NAMES), dtype=np.float32)
        total = member.sum()
        rest = np.maximum(total - member, 0) + _SHRINK
        for i, name in enumerate(NAMES):
            value, expected = self._value[name], self._expected[name]
            counts: Floats = np.bincount(value, weights=member, minlength=self._size[name]).astype(np.float64)
            own = member
            if name in ORDERED:
                counts = _smooth(counts)
                at_end = (value == 0) | (value == self._size[name] - 1)
                own = _KEPT * member + _LENT * member * at_end
            out[:, i] = np.log((np.maximum(counts[value] - own, 0) + _SHRINK * expected) / rest / expected)
            mean[i] = (member * out[:, i]).sum() / max(total, 1e-9)
        return out, mean


def _commonest(code: Ints, most: int) -> Ints:
    """Numbers 1 to ``most`` for the commonest codes (commonest first), 0 for the rest."""
    count = np.bincount(code) if len(code) else np.zeros(1, dtype=np.int64)
    top = np.argsort(-count, kind="stable")[:most]
    number = np.zeros(len(count), dtype=np.int64)
    number[top] = np.arange(1, len(top) + 1)
    return number[code]


def _binned(value: Floats, judged: np.ndarray) -> Ints:
    known = value[judged & np.isfinite(value)]
    if not len(known):
        return np.zeros(len(value), dtype=np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins: Ints = np.searchsorted(edges, np.nan_to_num(value, nan=known.min()), side="right").astype(np.int64)
    return bins


def _smooth(counts: Floats) -> Floats:
    out = counts * _KEPT
    out[1:] += _LENT * counts[:-1]
    out[:-1] += _LENT * counts[1:]
    out[0] += _LENT * counts[0]
    out[-1] += _LENT * counts[-1]
    return out
