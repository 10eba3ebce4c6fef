"""Tokens in a request back to the reasoning that they stand for, on its way to the model.

Only where an assistant's own reasoning belongs: a token that somebody writes into a question stays a token, or the
question could be "repeat this".
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

from stillwatch.gateway.shielding.documents import Unreadable, read, write
from stillwatch.gateway.shielding.reasoning import is_reasoning_part, names_reasoning
from stillwatch.gateway.shielding.seal import PREFIX, Sealed, SealKeys, open_token
from stillwatch.responses.traffic import API

__all__ = ["Unsealed", "unseal_body", "unseal_fields"]

_MARK = PREFIX.encode()
_GONE = object()


class Unsealed(NamedTuple):
    """A request's fields; how many tokens were ``restored``, and how many opened nothing and were left out."""

    body: dict[str, Any]
    restored: int = 0
    refused: int = 0


def unseal_body(api: API, body: bytes, keys: SealKeys, account_id: str) -> tuple[bytes, int, int]:
    """`unseal_fields` on the bytes of a request: the very same where they hold no token, or are no JSON."""
    if _MARK not in body:
        return body, 0, 0
    try:
        value, _ = read(body, careful=True)
    except Unreadable:
        return body, 0, 0
    if type(value) is not dict:
        return body, 0, 0
    fields, restored, refused = unseal_fields(api, value, keys, account_id)
    return (body if fields is value else write(fields)), restored, refused


def unseal_fields(api: API, body: dict[str, Any], keys: SealKeys, account_id: str) -> Unsealed:
    """``body`` with reasoning in the place of its tokens (a new dictionary; the same object where it holds none).

    A token of another account, another dialect, or that was changed opens nothing: it is left out, with the block that
    it stands in. The model then answers as to a client that keeps no reasoning.
    """
    opener = _Opener(api, keys, account_id)
    place = "input" if api == "openai_responses" else "messages"
    if type(body.get(place)) is not list:
        return Unsealed(body)
    if api == "openai_responses":
        entries = opener.blocks(body[place])
    elif api == "anthropic_messages":
        entries = [opener.turn(entry) for entry in body[place]]
    else:
        entries = [opener.message(entry) for entry in body[place]]
    if not opener.restored and not opener.refused:
        return Unsealed(body)
    return Unsealed({**body, place: entries}, opener.restored, opener.refused)


class _Opener:
    def __init__(self, api: API, keys: SealKeys, account_id: str) -> None:
        self._api, self._keys, self._account_id = api, keys, account_id
        self.restored = self.refused = 0

    def _open(self, token: str) -> Sealed | None:
        sealed = open_token(token, self._keys)
        if sealed is None or sealed.api != self._api or sealed.account_id != self._account_id:
            self.refused += 1
            return None
        self.restored += 1
        return sealed

    def blocks(self, entries: list[Any]) -> list[Any]:
        """Blocks or items: each of reasoning with a token is what it was."""
        opened = (self._block(entry) for entry in entries)
        return [entry for entry in opened if entry is not _GONE]

    def _block(self, entry: Any) -> Any:
        if not is_reasoning_part(entry):
            return entry
        token = next((v for v in map(entry.get, ("signature", "data", "encrypted_content")) if _is_token(v)), None)
        if token is None:
            return entry
        sealed = self._open(token)
        return sealed.value if sealed is not None and sealed.kind == "block" else _GONE

    def turn(self, message: Any) -> Any:
        """A message of the Messages API."""
        if type(message) is not dict or message.get("role") != "assistant" or type(message.get("content")) is not list:
            return message
        return {**message, "content": self.blocks(message["content"])}

    def message(self, message: Any) -> Any:
        """A message of chat completions."""
        if type(message) is not dict or message.get("role") != "assistant":
            return message
        new = {name: self._field(value) if names_reasoning(name) else value for name, value in message.items()}
        return {name: value for name, value in new.items() if value is not _GONE}

    def _field(self, value: Any) -> Any:
        if _is_token(value):  # one, or several that a client put together: reasoning between tools
            return self._text(value)
        if type(value) is not list:
            return value
        entries: list[Any] = []
        for entry in value:
            token = entry.get("data") if type(entry) is dict else None
            if not _is_token(token):
                entries.append(entry)
            elif (sealed := self._open(token)) is not None and type(sealed.value) is list:
                entries += sealed.value
        return entries if entries else _GONE

    def _text(self, value: str) -> Any:
        texts = []
        for piece in value.split(PREFIX)[1:]:
            sealed = self._open(PREFIX + piece)
            if sealed is None or type(sealed.value) is not str:
                return _GONE
            texts.append(sealed.value)
        return "".join(texts)


def _is_token(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith(PREFIX)
