"""How many tools an account offers: evidence only as far as the agent that it uses does not explain it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stillwatch.linkage.accounts import describe_accounts
from stillwatch.linkage.activity import Activity
from stillwatch.linkage.comparisons.settings import share_of_agent, usual_tools
from stillwatch.linkage.traits import NAMES, Traits

Made = Callable[..., Activity]
TOOLS = NAMES.index("tools")


def with_agents(activity: Activity, system: list[int], tools: list[int]) -> Activity:
    """Every session of an account as its agent's."""
    who = activity.account
    return replace(activity, system=np.array(system)[who], tools=np.array(tools)[who])


def test_what_is_usual_is_counted_where_tools_are_offered(made: Made) -> None:
    activity = made(4, 5)
    chat = np.arange(len(activity.account)) % 5 < 3  # three chats and two sessions of an agent each
    activity = replace(activity, tools=np.where(chat, 0, 9), system=np.where(chat, 0, 2))
    tools, agent = usual_tools(activity)
    assert tools.tolist() == [9] * 4
    assert agent.tolist() == [2] * 4


def test_who_offers_no_tool_has_none(made: Made) -> None:
    tools, agent = usual_tools(replace(made(3, 4), tools=np.zeros(12, dtype=np.int64)))
    assert tools.tolist() == agent.tolist() == [0, 0, 0]
    assert share_of_agent(tools, agent).tolist() == [1.0, 1.0, 1.0]


def test_shares_are_of_the_same_agent() -> None:
    tools, agent = np.array([9, 9, 3, 5, 5, 0]), np.array([1, 1, 1, 2, 2, 0])
    np.testing.assert_allclose(share_of_agent(tools, agent), [2 / 3, 2 / 3, 1 / 3, 1, 1, 1])
    assert share_of_agent(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_the_default_of_an_agent_is_no_evidence_and_an_own_set_up_is(made: Made) -> None:
    """60 developers use one agent as it comes; 20 others run another, and its 20 users differ in their tools."""
    system = [1] * 60 + [2] * 40
    tools = [7] * 60 + [9] * 20 + list(range(10, 30))
    activity = with_agents(made(100, 6), system, tools)
    traits = Traits(activity, describe_accounts(activity))
    crowd, _ = traits.log_odds(np.arange(100) < 40)
    assert abs(crowd[0, TOOLS]) < 0.1
    crew, _ = traits.log_odds(((np.arange(100) >= 60) & (np.arange(100) < 80)).astype(float))
    assert crew[60, TOOLS] > 0.3
    assert crew[90, TOOLS] < 0
