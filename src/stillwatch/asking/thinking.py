"""Reasoning that a server leaves in the text, between ``<think>`` and ``</think>``, set apart from what is answered.

Servers without a reasoning parser send what the model wrote. Some models' templates open the tag in the prompt, so
that only its end is in the answer.
"""

from __future__ import annotations

__all__ = ["apart"]

_OPEN, _CLOSE = "<think>", "</think>"


def apart(text: str) -> tuple[str, str]:
    """``(answer, reasoning)``. A text that only began to think has no answer yet; one without tags no reasoning."""
    begun = text.lstrip()
    if begun.startswith(_OPEN):
        reasoning, _, answer = begun.removeprefix(_OPEN).partition(_CLOSE)
        return answer.lstrip(), reasoning.strip()
    reasoning, close, answer = text.partition(_CLOSE)
    if close and _OPEN not in reasoning:
        return answer.lstrip(), reasoning.strip()
    return text, ""
