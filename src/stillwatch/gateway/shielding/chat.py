"""OpenAI chat completions (and the older completions): whole answers and chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stillwatch.gateway.shielding.base import Summarise
from stillwatch.gateway.shielding.reasoning import cleaned, holds_reasoning, is_reasoning_part, text_of
from stillwatch.gateway.shielding.tags import Split, Tags, without_thought
from stillwatch.gateway.shielding.treatment import PASS, Edited, Inserted, Step, Treatment, bounded

__all__ = ["Chat"]

_TAGGED = "reasoning_content"
"""The field that thoughts from between tags are given back in, sealed or summarised."""
_WORDS = ("reasoning_content", "reasoning", "reasoning_text", "thinking")
"""Fields that hold the same words under several names: one is summarised."""
_DERIVED = frozenset({"token_ids", "completion_token_ids", "output_token_ids", "output_ids", "hidden_states"})
"""What servers tell of every token that was written, those of the reasoning too."""
_SILENT = frozenset({"index", "finish_reason", "delta", "logprobs", "role"})


class _Choice:
    """What is known of one choice while its chunks come."""

    def __init__(self, treatment: Treatment, *, whole: bool = False) -> None:
        self.tags = Tags(treatment.tagging)
        self.taken: dict[str, Any] = {}
        self.whole = whole
        self._collects = treatment.collects

    def take(self, name: str, value: Any) -> None:
        """Keep reasoning until it is sealed or summarised: texts grow, lists too, all else is left out."""
        kept = self.taken.setdefault(name, "")
        if not self._collects:
            return
        if type(value) is str:
            self.taken[name] = bounded(kept if type(kept) is str else "", value)
        elif type(value) is list:
            self.taken[name] = _merged(kept if type(kept) is list else [], value)

    def words(self) -> str:
        """The reasoning in words, told once though several fields hold it."""
        for name in (*_WORDS, *self.taken):
            if words := text_of(self.taken.get(name)):
                return words
        return ""


def _merged(kept: list[Any], pieces: list[Any]) -> list[Any]:
    """Pieces of a streamed list (``reasoning_details``): those of one index and type are one entry."""
    for piece in pieces:
        last = kept[-1] if kept else None
        one = type(piece) is dict and "index" in piece
        if type(last) is dict and one and all(piece.get(name) == last.get(name) for name in ("index", "type")):
            for name, value in piece.items():
                both = type(value) is str and type(last.get(name)) is str and name in ("text", "summary", "data")
                last[name] = bounded(last[name], value) if both else value
        elif len(kept) < 10_000:
            kept = [*kept, dict(piece) if type(piece) is dict else piece]
    return kept


class Chat:
    """One answer of the chat completions API."""

    def __init__(self, treatment: Treatment) -> None:
        self._treatment = treatment
        self._choices: dict[object, _Choice] = {}
        self._last: Mapping[str, Any] = {}
        self.summary: str | None = None

    def event(self, value: Any) -> Iterator[Step]:
        """One chunk. What only held reasoning is left out; a chunk that tells usage or a role stays."""
        choices = value.get("choices")
        if type(choices) is not list:
            yield from _edited(value, cleaned(value))
            return
        self._last = value
        kept: list[Any] = []
        for choice in choices:
            if type(choice) is not dict:
                continue
            state = self._state(choice)
            new = self._part(state, choice)
            if _is_end_of_reasoning(new):
                new = self._with_held(state, new)
                yield from self._replacement(state, choice.get("index", 0))
            kept.append(new)
        rest = cleaned({name: part for name, part in value.items() if name != "choices"})
        same = len(kept) == len(choices) and all(new is old for new, old in zip(kept, choices, strict=True))
        if same and len(rest) == len(value) - 1 and all(part is value[name] for name, part in rest.items()):
            yield PASS
        elif not choices or rest.get("usage") or any(_says_something(choice) for choice in kept):
            yield Edited(_with_choices(value, rest, kept))

    def _state(self, choice: Mapping[str, Any]) -> _Choice:
        index = choice.get("index", 0)
        key = index if type(index) in (int, str) else 0
        if key not in self._choices and len(self._choices) >= 1024:
            return _Choice(self._treatment)
        return self._choices.setdefault(key, _Choice(self._treatment))

    def _part(self, state: _Choice, choice: Mapping[str, Any]) -> Any:
        """A choice without reasoning: the same object where it held none."""
        new: dict[str, Any] = {}
        for name, value in choice.items():
            if name in ("delta", "message") and type(value) is dict:
                new[name] = self._message(state, value)
            elif name == "text" and type(value) is str:
                new[name] = self._content(state, value)
            elif name == "logprobs":
                new[name] = value
            elif name in _DERIVED:
                continue
            elif holds_reasoning(name, value):
                state.take(name, value)
            else:
                new[name] = cleaned(value)
        if new.get("logprobs") is not None and not _spells(new["logprobs"], new):
            new["logprobs"] = None
        return choice if len(new) == len(choice) and all(new[name] is choice[name] for name in new) else new

    def _message(self, state: _Choice, message: Mapping[str, Any]) -> Mapping[str, Any]:
        new: dict[str, Any] = {}
        for name, value in message.items():
            if name == "content":
                new[name] = self._content(state, value)
            elif holds_reasoning(name, value):
                state.take(name, value)
            else:
                new[name] = value if name == "tool_calls" else cleaned(value)
        return message if len(new) == len(message) and all(new[name] is message[name] for name in new) else new

    def _content(self, state: _Choice, content: Any) -> Any:
        if type(content) is str:
            visible, thought = self._parted(state, content)
            if thought:
                state.take(_TAGGED, thought)
            return content if visible == content else visible
        if type(content) is list:
            thoughts = [part for part in content if is_reasoning_part(part)]
            if thoughts:
                state.take(_TAGGED, text_of(thoughts))
            return cleaned(content)
        return content if content is None else cleaned(content)

    def _parted(self, state: _Choice, content: str) -> Split:
        return without_thought(content, self._treatment.tagging) if state.whole else state.tags.feed(content)

    def _with_held(self, state: _Choice, choice: Mapping[str, Any]) -> Any:
        """With the text that was held back as the possible beginning of a tag, where the answer goes on otherwise."""
        if not (choice.get("finish_reason") or _calls(choice)):
            return choice
        visible, thought = state.tags.finish()
        if thought:
            state.take(_TAGGED, thought)
        if not visible:
            return choice
        if "text" in choice:
            return {**choice, "text": choice["text"] + visible}
        delta = choice.get("delta") or {}
        return {**choice, "delta": {**delta, "content": (delta.get("content") or "") + visible}}

    def _replacement(self, state: _Choice, index: Any) -> Iterator[Step]:
        """What takes the place of the reasoning taken so far, as a chunk before the answer goes on."""
        taken, words = state.taken, state.words()
        state.taken = {}
        if not taken or not self._treatment.collects:
            return
        if self._treatment.summarises:
            if not words.strip():
                return
            self.summary = None
            yield Summarise(words)
        fields = self._fields(taken)
        if fields:
            yield Inserted(self._chunk({"index": index, "delta": fields, "finish_reason": None}))

    def _fields(self, taken: Mapping[str, Any]) -> dict[str, Any]:
        """Reasoning's fields with what stands in their place."""
        if self._treatment.summarises:
            name = next((name for name in _WORDS if name in taken), _TAGGED)
            return {name: self.summary} if self.summary else {}
        fields: dict[str, Any] = {}
        for name, value in taken.items():
            if type(value) is str and value:
                fields[name] = self._treatment.token("openai_chat", "text", value)
            elif type(value) is list and value:
                token = self._treatment.token("openai_chat", "list", value)
                fields[name] = [{"type": "reasoning.encrypted", "data": token, "index": 0}]
        return fields

    def _chunk(self, choice: dict[str, Any]) -> dict[str, Any]:
        known = {name: self._last[name] for name in ("id", "object", "created", "model") if name in self._last}
        return {**known, "choices": [choice]}

    def finish(self) -> Iterator[Step]:
        """Reasoning that no answer followed, and text that was held back."""
        for index, state in self._choices.items():
            visible, thought = state.tags.finish()
            if thought:
                state.take(_TAGGED, thought)
            yield from self._replacement(state, index)
            if visible:
                yield Inserted(self._chunk({"index": index, "delta": {"content": visible}, "finish_reason": None}))

    def body(self, value: Any) -> Iterator[Step]:
        """A whole answer. Of several choices the reasoning is summarised together, and told in the first."""
        choices = value.get("choices")
        if type(choices) is not list:
            yield from _edited(value, cleaned(value))
            return
        new = cleaned({name: part for name, part in value.items() if name != "choices"})
        states = [_Choice(self._treatment, whole=True) for _ in choices]
        parts = [self._whole(state, choice) for state, choice in zip(states, choices, strict=True)]
        if self._treatment.summarises:
            words = "\n\n".join(filter(None, (state.words() for state in states)))
            if words.strip():
                yield Summarise(words)
        for place, state in enumerate(states):
            if state.taken and self._treatment.collects and (fields := self._fields(state.taken)):
                parts[place] = _in_message(parts[place], fields)
                if self._treatment.summarises:
                    break
        whole = _with_choices(value, new, parts)
        same = all(part is old for part, old in zip(parts, choices, strict=True)) and len(whole) == len(value)
        yield from _edited(value, value if same and all(whole[n] is value[n] for n in new) else whole)

    def _whole(self, state: _Choice, choice: Any) -> Any:
        if type(choice) is not dict:
            return choice
        new = self._part(state, choice)
        # What can only be judged by the rest of the answer is as it was where no reasoning stood in it.
        derived = _DERIVED | {"logprobs"}
        if new is not choice and not state.taken:
            new = {name: choice[name] if name in derived else new[name] for name in choice}
            return choice if all(new[name] is choice[name] for name in choice) else new
        return new


def _with_choices(old: Mapping[str, Any], rest: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
    """A document with other choices, and what is left of its other fields, in the order that it had."""
    return {n: choices if n == "choices" else rest[n] for n in old if n == "choices" or n in rest}


def _in_message(choice: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    if type(choice.get("message")) is not dict:
        return dict(choice)
    return {**choice, "message": {**choice["message"], **fields}}


def _edited(old: Any, new: Any) -> Iterator[Step]:
    yield PASS if new is old else Edited(new)


def _calls(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    return type(delta) is dict and bool(delta.get("tool_calls") or delta.get("function_call"))


def _is_end_of_reasoning(choice: Mapping[str, Any]) -> bool:
    """Whether the answer itself has begun, or ended."""
    delta = choice.get("delta")
    spoken = type(delta) is dict and bool(delta.get("content") or delta.get("refusal"))
    return spoken or bool(choice.get("finish_reason") or choice.get("text")) or _calls(choice)


def _says_something(choice: Mapping[str, Any]) -> bool:
    """Whether a chunk without its reasoning is still worth sending."""
    delta = choice.get("delta")
    told = type(delta) is dict and any(delta.values())
    return told or bool(choice.get("finish_reason")) or any(choice[name] for name in choice if name not in _SILENT)


def _spells(logprobs: Any, choice: Mapping[str, Any]) -> bool:
    """Whether log-probabilities are those of the text that is shown, and of nothing else: servers list the tokens of
    the reasoning there too."""
    shown = choice.get("delta", choice.get("message", choice.get("text", "")))
    if type(shown) is dict:
        shown = (shown.get("content") or "", shown.get("refusal") or "")
    else:
        shown = (shown or "", "")
    if type(logprobs) is not dict:
        return False
    if type(logprobs.get("tokens")) is list:  # the older completions
        return bool("".join(map(str, logprobs["tokens"])) == shown[0])
    told = tuple(_spelled(logprobs.get(name)) for name in ("content", "refusal"))
    unknown = any(value for name, value in logprobs.items() if name not in ("content", "refusal"))
    return bool(told == shown and not unknown)


def _spelled(tokens: Any) -> str | None:
    if tokens is None:
        return ""
    if type(tokens) is not list or not all(type(token) is dict for token in tokens):
        return None
    parts = [token.get("bytes") for token in tokens]
    if all(type(part) is list and all(type(b) is int and 0 <= b < 256 for b in part) for part in parts):
        return b"".join(bytes(part) for part in parts).decode("utf-8", "replace")
    return "".join(str(token.get("token", "")) for token in tokens)
