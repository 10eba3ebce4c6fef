"""What of a request matters to marks: the prompt that throws the coins, and whether the answer must stay as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stillwatch.responses.traffic import API
from stillwatch.sources.calls.bodies import conversation, mapping

__all__ = ["last_turn", "prompt_of"]

_FORMS: Final = frozenset(
    (
        *("response_format", "output_format", "guided_json", "guided_regex", "guided_choice", "guided_grammar"),
        *("structured_outputs", "json_schema", "grammar", "regex", "ebnf", "prediction"),
    )
)
"""Members by which servers are asked for an answer of a given form, or (``prediction``) of a given wording."""
_FREE: Final = ("text", None)
_SPEAKING: Final = frozenset(("openai_chat", "openai_responses", "anthropic_messages"))


def last_turn(body: Mapping[str, Any]) -> str | None:
    """The last user turn of a request, as a log's reader has it; None where nobody asks in words."""
    _, messages = conversation(body)
    return next((t["content"] for t in reversed(messages or ()) if t["role"] == "user" and t["content"]), None)


def prompt_of(api: API, body: Mapping[str, Any]) -> str | None:
    """`last_turn`; None where the answer's text is not to be marked.

    That is where nobody asks in words, where the answer goes on from words that the caller put into its mouth, and
    where it is to have a form that a program reads (JSON modes, grammars).
    """
    if api not in _SPEAKING or _is_formed(body):
        return None
    _, messages = conversation(body)
    return None if not messages or messages[-1]["role"] == "assistant" else last_turn(body)


def _is_formed(body: Mapping[str, Any]) -> bool:
    for name in _FORMS.intersection(body):
        value = body[name]
        if value and not (isinstance(value, dict) and value.get("type") == "text"):
            return True
    told = mapping(mapping(body.get("text")).get("format")), mapping(mapping(body.get("output_config")).get("format"))
    return any(form.get("type") not in _FREE for form in told)
