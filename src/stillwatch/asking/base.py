"""What is asked of a model, what it answers, and what an endpoint is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import msgspec

__all__ = ["Answer", "Endpoint", "EndpointInfo", "EndpointKind", "Finish", "Message", "Question", "Tool", "ToolCall"]

Finish = Literal["stop", "length", "filtered", "tool", "failed"]
"""Why an answer ended: by itself, at ``max_tokens``, by the provider's filter, in calls of tools, or it never came."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn. A last turn of ``assistant`` is a beginning that the model is to go on from (a prefix)."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_call: str = ""
    """Of a ``tool`` turn: the id of the call that it answers. Of an ``assistant`` turn: the id of the call it made."""
    tool: str = ""
    """The name of the tool called or answering; an ``assistant`` turn's ``text`` then holds the arguments as JSON."""


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the model may call: its name, what it does, and the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any] = {}


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request: the same for every model that is asked. ``id`` and ``sample`` name its answer.

    ``temperature`` of ``None`` is the endpoint's default; ``sample`` counts the repetitions of one question from 0.
    """

    id: str
    messages: tuple[Message, ...]
    sample: int = 0
    tools: tuple[Tool, ...] = ()
    max_tokens: int = 512
    temperature: float | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """A call that the model made: the tool's name and its arguments, as the JSON text that came."""

    name: str
    arguments: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came back for a question. ``finish`` of ``failed`` has no text, and says why in ``error``."""

    question: str
    sample: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    model: str = ""
    """The model that the endpoint says it is."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    asked_at: str = ""
    """UTC, ISO 8601, when the request was sent."""
    error: str = ""


class EndpointInfo(NamedTuple):
    """What a kind of endpoint is: its ``name``, a one-line ``summary``, ``reference`` and an ``example`` address."""

    name: str
    summary: str
    reference: str
    example: str


class Endpoint(Protocol):
    """A model that can be asked. One is opened for each model, and closed when all is asked."""

    name: str
    """How reports name the model; never holds a key."""

    async def ask(self, question: Question) -> Answer:
        """One try. Raises `AskingError` where another try may help (and after how long), or where none will."""
        ...

    async def close(self) -> None:
        """Give back connections or memory."""
        ...


class EndpointKind(Protocol):
    """One kind of endpoint: how its addresses look and how one is opened."""

    info: ClassVar[EndpointInfo]

    def opens(self, address: str) -> bool:
        """Whether ``address`` (``KIND:MODEL@URL``, or a path) is one of this kind."""
        ...

    def open(self, address: str, options: Mapping[str, Any]) -> Endpoint:
        """The endpoint at ``address``. Raises `UsageError` for an address or option that it does not know."""
        ...
