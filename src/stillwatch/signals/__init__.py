"""The registry of signals, and nothing else."""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.signals.base import AccountSignal, ExchangeSignal

_EXCHANGE = "stillwatch.signals.exchange"

SIGNALS: Registry[ExchangeSignal | AccountSignal] = Registry(
    "stillwatch.signals",
    {
        # of an exchange
        "reasoning_elicitation": f"{_EXCHANGE}.reasoning_elicitation:SIGNAL",
        "rubric_grading": f"{_EXCHANGE}.rubric_grading:SIGNAL",
        "prompt_evolution": f"{_EXCHANGE}.prompt_evolution:SIGNAL",
        "jailbreak": f"{_EXCHANGE}.jailbreak:SIGNAL",
        "agent_traces": f"{_EXCHANGE}.agent_traces:SIGNAL",
        "code_tasks": f"{_EXCHANGE}.code_tasks:SIGNAL",
        "answer_rewriting": f"{_EXCHANGE}.answer_rewriting:SIGNAL",
        "history_length": f"{_EXCHANGE}.history_length:SIGNAL",
        "tool_result": f"{_EXCHANGE}.tool_result:SIGNAL",
        # of an account
    },
)
