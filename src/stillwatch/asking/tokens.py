"""How many tokens a text is, before anybody counted: on the high side, so that a budget holds."""

from __future__ import annotations

import msgspec

from stillwatch.asking.base import Answer, Question

__all__ = ["tokens_of_answer", "tokens_of_question"]

_BYTES = 3
"""UTF-8 bytes to a token: English has about 4.5, Chinese and Arabic 3 to 4 with tokenizers of today."""
_TURN, _REPLY = 5, 3


def tokens_of_question(question: Question) -> int:
    """The tokens of the whole request, tools too."""
    size = sum(len(turn.text.encode("utf-8", "replace")) for turn in question.messages)
    size += len(msgspec.json.encode(question.tools)) if question.tools else 0
    return -(-size // _BYTES) + _TURN * len(question.messages) + _REPLY


def tokens_of_answer(answer: Answer) -> int:
    """The tokens of an answer whose endpoint did not count them."""
    said = [answer.text, answer.reasoning, *(call.arguments for call in answer.tool_calls)]
    return -(-sum(len(text.encode("utf-8", "replace")) for text in said) // _BYTES)
