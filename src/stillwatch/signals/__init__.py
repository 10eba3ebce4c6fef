"""The registry of signals, and nothing else."""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.signals.base import AccountSignal, ExchangeSignal

_EXCHANGE = "stillwatch.signals.exchange"
_ACCOUNT = "stillwatch.signals.account"

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
        "active_days": f"{_ACCOUNT}.active_days:SIGNAL",
        "active_span": f"{_ACCOUNT}.active_span:SIGNAL",
        "address_count": f"{_ACCOUNT}.address_count:SIGNAL",
        "burstiness": f"{_ACCOUNT}.burstiness:SIGNAL",
        "client_count": f"{_ACCOUNT}.client_count:SIGNAL",
        "error_share": f"{_ACCOUNT}.error_share:SIGNAL",
        "exchanges": f"{_ACCOUNT}.exchanges:SIGNAL",
        "fingerprint_count": f"{_ACCOUNT}.fingerprint_count:SIGNAL",
        "first_seen": f"{_ACCOUNT}.first_seen:SIGNAL",
        "input_tokens": f"{_ACCOUNT}.input_tokens:SIGNAL",
        "last_seen": f"{_ACCOUNT}.last_seen:SIGNAL",
        "load_evenness": f"{_ACCOUNT}.load_evenness:SIGNAL",
        "model_variety": f"{_ACCOUNT}.model_variety:SIGNAL",
        "output_tokens": f"{_ACCOUNT}.output_tokens:SIGNAL",
        "reasoning_tokens": f"{_ACCOUNT}.reasoning_tokens:SIGNAL",
        "sessions": f"{_ACCOUNT}.sessions:SIGNAL",
        "setting_variety": f"{_ACCOUNT}.setting_variety:SIGNAL",
        "text_count": f"{_ACCOUNT}.text_count:SIGNAL",
    },
)
