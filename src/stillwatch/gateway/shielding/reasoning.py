"""Where reasoning stands in answers: names of fields and types, and how reasoning that nobody can read looks.

Sources: the types of the OpenAI (3.57) and Anthropic (2.14) SDKs; the fields of vLLM, SGLang and DeepSeek
(``reasoning_content``), OpenRouter (``reasoning``, ``reasoning_details``), LiteLLM (``thinking_blocks``,
``provider_specific_fields``) and Mistral (parts of type ``thinking``). What is named as reasoning is taken for it, even
where no source is known for the name.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

__all__ = ["cleaned", "is_opaque", "names_reasoning", "text_of"]

_MARKS = ("reasoning", "thinking", "thought")
_EXACT = frozenset({"cot", "cot_summary"})
_SETTINGS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max", "auto", "concise", "detailed", ""})
# What callers and tools wrote or counted: never reasoning of the model, whatever its keys are named.
_UNTOUCHED = frozenset(
    (
        "usage",
        "tool_calls",
        "function_call",
        "input",
        "arguments",
        "tools",
        "instructions",
        "error",
        "context_management",
    )
)
_LEAST_OPAQUE = 32
_TEXTS = ("text", "thinking", "summary", "content", "reasoning")


def names_reasoning(name: object) -> bool:
    """Whether the name of a field, or of a type, says that reasoning is in it (``finish_reason`` does not)."""
    if type(name) is not str:
        return False
    folded = name.lower()
    return any(mark in folded for mark in _MARKS) or folded in _EXACT


def holds_reasoning(name: str, value: Any) -> bool:
    """Whether ``value`` under ``name`` is reasoning: counts, switches and settings are none."""
    if not names_reasoning(name) or value is None or type(value) in (bool, int, float):
        return False
    return not (type(value) is str and value in _SETTINGS)


def cleaned(value: Any) -> Any:
    """``value`` without anything that is named as reasoning; the very same object where there is none.

    Fields with such a name are left out, and so are objects in a list whose ``type`` has one.
    """
    if type(value) is dict:
        kept = {
            name: part if name in _UNTOUCHED else cleaned(part)
            for name, part in value.items()
            if not holds_reasoning(name, part)
        }
        same = len(kept) == len(value) and all(part is value[name] for name, part in kept.items())
        return value if same else kept
    if type(value) is list:
        parts = [cleaned(part) for part in value if not is_reasoning_part(part)]
        same = len(parts) == len(value) and all(new is old for new, old in zip(parts, value, strict=True))
        return value if same else parts
    return value


def is_reasoning_part(value: Any) -> bool:
    """Whether an object says by its ``type`` that it is reasoning."""
    return type(value) is dict and names_reasoning(value.get("type"))


def is_opaque(text: object) -> bool:
    """Whether ``text`` looks as a cipher does, so that only the model's provider can read it.

    Anthropic's ``signature`` and ``data`` and OpenAI's ``encrypted_content`` are base64 of ciphertext, and the next
    turn needs them. Servers that imitate these APIs could put words there: words have blanks, or are text once decoded.
    """
    if type(text) is not str or len(text) < _LEAST_OPAQUE or not text.isascii():
        return False
    try:
        bare = text.rstrip("=").translate(_URL_SAFE)
        decoded = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    # Words alone are base64 too, if nothing stands between them: ciphertext has digits and both cases.
    if not (any(c.isdigit() for c in text) and any(c.isupper() for c in text) and any(c.islower() for c in text)):
        return False
    printable = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in decoded)
    return printable < 0.75 * len(decoded)  # of random bytes 0.38 are printable


_URL_SAFE = str.maketrans("-_", "+/")


def text_of(value: Any) -> str:
    """The words in a piece of reasoning, whatever its form: what a summary is made of."""
    if type(value) is str:
        return value
    if type(value) is list:
        return "".join(text_of(part) for part in value)
    if type(value) is dict:
        return "".join(text_of(value[name]) for name in _TEXTS if name in value)
    return ""
