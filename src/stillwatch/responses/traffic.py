"""What a door of the gateway sees of a request before the model is asked, and what may be done with it: no text.

Times are microseconds since 1970, UTC, by the gateway's own clock: a caller's clock is never believed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["API", "Operation", "Refusal", "Request", "Shape", "ShieldMode"]

API = Literal["openai_chat", "openai_responses", "anthropic_messages", "other"]
"""The dialect that the caller speaks: refusals, shapes and shields are written in it."""
Operation = Literal["chat", "responses", "messages", "completions", "embeddings", "batch", "other"]
ShieldMode = Literal["drop", "summarise", "seal"]
"""What becomes of reasoning: left out; replaced by a summary that the user's own model wrote; replaced by a signed
token that only we can open."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request before the model is asked. An empty text stands for what the door does not know.

    ``account_id`` is the account that is billed, as logs name it; ``tier`` what the provider calls its kind of
    customer. ``asks_reasoning``: reasoning will be in the answer; ``asks_detail``: log-probabilities or several
    answers.
    ``items`` counts the requests of a batch (1 otherwise); ``tokens`` the most that it may cost, as far as it says so.
    """

    request_id: str
    at: int
    account_id: str
    api: API = "other"
    operation: Operation = "other"
    api_key_id: str = ""
    tier: str = ""
    model: str = ""
    stream: bool = False
    asks_reasoning: bool = False
    asks_detail: bool = False
    items: int = 1
    tokens: int = 0
    client_ip: str = ""
    user_agent: str = ""
    ja4: str = ""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The request is not passed on. ``status`` is HTTP's (403, 429); ``message`` is what the person touched may read:
    plain, without a recipe for evasion; ``retry_after`` seconds, None where waiting does not help."""

    status: int
    code: str
    message: str
    retry_after: float | None = None


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the model is made smaller: the most reasoning it may do, no log-probabilities, one answer."""

    reasoning_tokens: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    drop_logprobs: bool = False
    one_answer: bool = False
