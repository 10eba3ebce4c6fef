"""How two accounts call the model: the same temperature, token limit, client and tools, and how rare that is."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity, Bools, Floats, Ints
from stillwatch.linkage.comparisons.base import Block
from stillwatch.signals.base import SignalInfo


class Settings:
    """log(accounts / accounts with the setting) where two accounts' usual settings agree, else -1.

    How many tools are offered is the agent's choice before it is its user's: rarity is counted among the accounts
    that send the same system prompt, and two accounts of which one offers none say nothing (0).
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name="settings",
        summary="Agreement of the usual temperature, token limit, client and number of tools, weighed by rarity.",
        reference="Fellegi & Sunter 1969",
        version="1",
        example="temp 2.1",
        unit="nat",
        range=(-1.0, float("inf")),
        reads=("temperature", "max_tokens", "user_agent", "tool_count", "system_prompt"),
        innocent_reading="The defaults of a tool that many use.",
    )
    names = ("temp", "maxt", "mclient", "tools")

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """See `Comparison.prepare`."""
        usual = [usual_code(activity, c) for c in (activity.temperature, activity.max_tokens, activity.client)]
        rarity = [np.log(activity.accounts / np.bincount(code)[code]).astype(np.float32) for code in usual]
        tools, agent = usual_tools(activity)
        rare_tools = -np.log(share_of_agent(tools, agent)).astype(np.float32)

        def fill(rows: NDArray[np.int64], start: int, out: NDArray[np.float32]) -> None:
            for i, (code, rare) in enumerate(zip(usual, rarity, strict=True)):
                out[i] = np.where(code[rows][:, None] == code[None, start:], rare[rows][:, None], -1)
            both = (tools[rows] > 0)[:, None] & (tools > 0)[None, start:]
            same = tools[rows][:, None] == tools[None, start:]
            rare = np.minimum(rare_tools[rows][:, None], rare_tools[None, start:])
            out[-1] = np.where(both, np.where(same, rare, -1), 0)

        return fill


def usual_code(activity: Activity, code: Ints, told: Bools | None = None) -> Ints:
    """The commonest code of each account, (n,); of equally common ones the lowest, 0 for an account without session.

    ``told`` (s,) says which sessions count; all by default.
    """
    width = int(code.max(initial=0)) + 1
    who = activity.account
    if told is not None:
        who, code = who[told], code[told]
    pairs, count = np.unique(who * np.int64(width) + code, return_counts=True)
    order = np.lexsort((pairs, -count))
    usual = np.zeros(activity.accounts, dtype=np.int64)
    usual[(pairs[order] // width)[::-1]] = (pairs[order] % width)[::-1]
    return usual


def usual_tools(activity: Activity) -> tuple[Ints, Ints]:
    """How many tools each account usually offers where it offers any, and with which system prompt: (n,) and (n,).

    Both 0 for an account that never offers one. Together they tell one set-up of an agent from another.
    """
    with_tools = activity.tools > 0
    return usual_code(activity, activity.tools, with_tools), usual_code(activity, activity.system, with_tools)


def share_of_agent(tools: Ints, agent: Ints) -> Floats:
    """Share of the accounts with the same ``agent`` (n,) that offer as many ``tools`` (n,); 1 for those without."""
    joint = np.unique(np.stack([agent, tools]), axis=1, return_inverse=True)[1].ravel()
    users = np.bincount(joint, minlength=1)[joint]
    among = np.bincount(agent, weights=tools > 0, minlength=1)[agent]
    share: Floats = np.where(tools > 0, users / np.maximum(among, 1), 1.0)
    return share


COMPARISON = Settings()
