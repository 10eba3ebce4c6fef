"""Columns of OpenInference's messages, as a data frame of spans has them: conversations and answers of all rows.

What a message and its parts mean is said in `span_messages` and `records.conversation`; here it is asked once for each
role, each kind of a part and each text, and put together by Arrow. A conversation repeats its earlier turns with every
call, so a text stands in many rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.calls.attributes import OBJECTS_LISTED
from stillwatch.sources.calls.span_messages import CONTENT, PART_TEXT, PART_TYPE, PARTS, ROLE, SILENT, is_thought
from stillwatch.sources.records.conversation import SYSTEM_ROLES

__all__ = ["Answers", "Conversations", "answers", "conversations", "holds_messages", "is_text"]

UNREAD = frozenset(
    {
        *("message.name", "message.tool_calls", "message.tool_call_id"),
        *("message.function_call_name", "message.function_call_arguments_json"),
    }
)
"""What is told of a message that no column is made of."""
_UNREAD_OF_PARTS = frozenset({"message_content.image", "message_content.id", "message_content.signature"})
_TEXT = pa.large_string()
_SILENT = pa.array(sorted(SILENT), _TEXT)
_ENCODE = msgspec.json.Encoder().encode

Bools: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.int64]


class Conversations(NamedTuple):
    """Of each row the instructions, the conversation as THE record's JSON text, whether there was a message, and
    whether the row holds something that only a look at it alone can read.
    """

    system: pa.Array
    messages: pa.Array
    sent: Bools
    odd: Bools


class Answers(NamedTuple):
    """Of each row the answer's text, the reasoning shown, and whether only a look at it alone can read it."""

    response: pa.Array
    reasoning: pa.Array
    odd: Bools


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def holds_messages(kind: pa.DataType) -> bool:
    """Whether a column of some type holds messages that can be read all at once."""
    fields = _fields(kind)
    if not fields or not is_text(fields.pop(ROLE, pa.null())):
        return False
    inside = _fields(fields.pop(PARTS)) if PARTS in fields else None
    if inside is not None and (
        not is_text(inside.pop(PART_TYPE, pa.string())) or not is_text(inside.pop(PART_TEXT, pa.null()))
    ):
        return False
    plain = is_text(fields.pop(CONTENT, pa.string()))
    return plain and fields.keys() <= UNREAD and (inside is None or inside.keys() <= _UNREAD_OF_PARTS)


def _fields(kind: pa.DataType) -> dict[str, pa.DataType]:
    """The fields of the objects in a column of lists; none where it is no such, or tells one twice."""
    if not (pa.types.is_list(kind) and pa.types.is_struct(kind.value_type)):
        return {}
    fields = {field.name: field.type for field in kind.value_type}
    return fields if len(fields) == kind.value_type.num_fields else {}


def conversations(column: pa.Array) -> Conversations:
    """The conversations in a column of messages (`holds_messages`); a column of no rows gives columns of none."""
    count = len(column)
    lengths, places, fields = _objects(column)
    odd = lengths > OBJECTS_LISTED
    roles, role_of = _distinct(fields[ROLE])
    odd[places[role_of < 0]] = True
    texts, text_of, strange = _texts(fields)
    odd[places[strange]] = True
    above = np.array([role in SYSTEM_ROLES for role in roles] + [False])[role_of]
    told = text_of >= 0
    spoken = np.zeros(count, bool)
    spoken[places[told & ~above]] = True
    chosen = np.flatnonzero(above & told)
    system = _joined(places[chosen], _taken(texts, text_of[chosen]), count, "\n\n")
    rest = np.flatnonzero(~above)
    messages = _written(roles, role_of[rest], texts, text_of[rest], places[rest], count)
    if not spoken.all():
        messages = pc.if_else(pa.array(spoken), messages, None)
    return Conversations(system, messages, lengths > 0, odd)


def answers(column: pa.Array) -> Answers:
    """The answers in a column of messages (`holds_messages`), as `conversations`."""
    count = len(column)
    lengths, places, fields = _objects(column)
    odd = lengths > OBJECTS_LISTED
    texts, text_of, strange = _texts(fields)
    odd[places[strange]] = True
    told = np.flatnonzero(text_of >= 0)
    response = _joined(places[told], _taken(texts, text_of[told]), count, "\n\n")
    reasoning = pa.nulls(count, _TEXT)
    if PARTS in fields:
        parts = _Parts.of(fields[PARTS])
        thoughts = parts.where(thought=True)
        reasoning = _joined(places[parts.places[thoughts]], _taken(parts.texts, parts.text_of[thoughts]), count, "\n\n")
    return Answers(response, reasoning, odd)


def _objects(column: pa.Array) -> tuple[Places, Places, dict[str, pa.Array]]:
    """How many objects each list holds; of all objects the list's place, and the columns of their fields."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    objects = column.flatten()
    fields = dict(zip([field.name for field in objects.type], objects.flatten(), strict=True))
    return lengths, np.repeat(np.arange(len(column)), lengths), fields


def _distinct(column: pa.Array) -> tuple[list[Any], Places]:
    """The different values of a column, and which of them each row has (-1: none)."""
    coded = column.dictionary_encode()
    return coded.dictionary.to_pylist(), _places(coded.indices)


def _places(indices: pa.Array) -> Places:
    found: Places = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _clean(column: pa.Array) -> tuple[pa.Array, Places]:
    """The different texts of a column that say something, and which of them each row has (-1: none)."""
    coded = column.dictionary_encode()
    every, which = coded.dictionary.cast(_TEXT), _places(coded.indices)
    silent = pc.is_in(every, _SILENT).to_numpy(zero_copy_only=False)
    if silent.any():
        which = np.where(np.append(silent, False)[which], -1, which)
    return every, which


class _Parts(NamedTuple):
    """Parts of messages: of each the message's place, the kind and the text; ``long``: messages with too many."""

    places: Places
    kinds: list[Any]
    kind_of: Places
    texts: pa.Array
    text_of: Places
    long: Bools

    @classmethod
    def of(cls, column: pa.Array) -> _Parts:
        lengths, places, fields = _objects(column)
        unnamed = pa.nulls(len(places), pa.string())
        kinds, kind_of = _distinct(fields.get(PART_TYPE, unnamed))
        return cls(places, kinds, kind_of, *_clean(fields[PART_TEXT]), lengths > OBJECTS_LISTED)

    def where(self, *, thought: bool) -> Places:
        """Which of them are reasoning, or the text of the message."""
        asked = np.array([is_thought(kind) is thought for kind in (*self.kinds, None)], bool)
        return np.flatnonzero(asked[self.kind_of] & (self.text_of >= 0))


def _texts(fields: dict[str, pa.Array]) -> tuple[pa.Array, Places, Bools]:
    """Different texts, which of them each message says (-1: none), and which messages have too many parts."""
    count = len(fields[ROLE])
    texts, text_of = _clean(fields.get(CONTENT, pa.nulls(count, pa.string())))
    if PARTS not in fields:
        return texts, text_of, np.zeros(count, bool)
    parts = _Parts.of(fields[PARTS])
    said = parts.where(thought=False)
    if not len(said):
        return texts, text_of, parts.long
    pieces = _joined(parts.places[said], _taken(parts.texts, parts.text_of[said]), count, "\n")
    spoken = _taken(texts, text_of)
    both = pc.binary_join_element_wise(spoken, pieces, pa.scalar("\n", _TEXT))  # null where one is
    return *_clean(pc.coalesce(both, spoken, pieces)), parts.long


def _taken(texts: pa.Array, which: Places) -> pa.Array:
    """Some of the texts; null for -1."""
    return texts.take(pa.array(which, mask=which < 0))


def _joined(places: Places, texts: pa.Array, count: int, between: str) -> pa.Array:
    """The texts of each of ``count`` places, which are in order, in one; null where there is none."""
    held = np.bincount(places, minlength=count)
    if (held <= 1).all():
        which = np.cumsum(held) - 1
        return texts.take(pa.array(which, mask=held == 0))
    lists = pa.LargeListArray.from_arrays(pa.array(np.append(0, np.cumsum(held))), texts)
    return pc.if_else(pa.array(held > 0), pc.binary_join(lists, pa.scalar(between, _TEXT)), None)


def _written(
    roles: list[Any], role_of: Places, texts: pa.Array, text_of: Places, places: Places, count: int
) -> pa.Array:
    """What `records.conversation.messages_text` writes of messages, for each place: that of none is empty.

    All messages are written one behind the other, so that each conversation is a piece of one text.
    """
    if not len(places):
        return pa.array([""] * count, _TEXT)
    begins = np.append(True, places[1:] != places[:-1])
    ends = np.append(begins[1:], True)
    names = [_ENCODE(role) for role in roles] or [b'""']
    heads = [mark + b'{"role":' + name + b',"content":' for name in names for mark in (b",", b"[")]
    head = _pieces(heads).take(pa.array(np.maximum(role_of, 0) * 2 + begins))
    said = _pieces([*map(_ENCODE, texts.to_pylist()), b"null"])
    content = said.take(pa.array(np.where(text_of < 0, len(said) - 1, text_of)))
    tail = _pieces([b"}", b"}]"]).take(pa.array(ends.astype(np.int64)))
    written = pc.binary_join_element_wise(head, content, tail, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = written.buffers()
    at = np.frombuffer(offsets, np.int64, len(written) + 1)
    first = np.append(0, np.cumsum(np.bincount(places, minlength=count)))
    return pa.LargeStringArray.from_buffers(count, pa.py_buffer(at[first]), data)


def _pieces(pieces: list[bytes]) -> pa.Array:
    return pa.array(pieces, pa.large_binary())
