"""What `model_spans` and `span_status` say of one span, said of many at once whose attributes are columns of a table.

The names, their order and what a value means are those of `model_spans`: a definition is asked once for each different
value of a column. Where a span tells something that is not read so (another convention's attributes, a failure, a body
in place of messages), it is odd, and has to be read by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.sources.calls.message_columns import Bools, answers, conversations, holds_messages, is_text
from stillwatch.sources.calls.model_spans import (
    ANSWERED,
    CALL,
    CALLER,
    INPUT_BODY,
    INPUT_TYPE,
    INVOCATION,
    JSON,
    KIND,
    OUTPUT_BODY,
    OUTPUT_TYPE,
    SENT,
    answer_in,
    asked_in,
    called_by_kind,
    operation_by_kind,
)
from stillwatch.sources.calls.span_links import Coded
from stillwatch.sources.calls.span_messages import clean_text

__all__ = ["Plan", "Values", "call_columns", "context_columns", "is_read", "told_calls"]

NAMESPACES = frozenset(
    {
        *("openinference", "llm", "gen_ai", "ai", "message", "traceloop", "metadata", "input", "output", "embedding"),
        *("enduser", "user", "session", "client", "http", "network", "net", "user_agent", "error", "exception", ""),
    }
)
"""How all attributes begin that a span is read by: a test holds this against the definitions."""
UNREAD = frozenset(
    {
        *("llm.provider", "llm.system", "llm.token_count.total", "llm.token_count.completion_details.audio"),
        *(f"llm.token_count.prompt_details.{name}" for name in ("audio", "cache_input", "cache_read", "cache_write")),
        *(f"llm.cost.{name}" for name in ("prompt", "completion", "total")),
        *("embedding.embeddings", "llm.prompt_template.template", "llm.prompt_template.version", "user_agent.name"),
        *("http.method", "http.request.method", "http.url", "http.target", "http.host", "http.scheme", "http.flavor"),
    }
)
"""Those that begin so and are not read all the same."""
BESIDE = "metadata"
"""Read only with other attributes that make a span odd."""
_CALLERS = ("account", "session", "forwarded", "address", "peer", "agent")
_TEXTS_READ = (KIND, INVOCATION, INPUT_BODY, INPUT_TYPE, OUTPUT_BODY, OUTPUT_TYPE)
_COUNTS = ("input_tokens", "output_tokens", "reasoning_tokens")
_TEXT = pa.large_string()
_FRACTIONS = (pa.float32(), pa.float64())
Values = dict[str, Any]


class Plan(NamedTuple):
    """How the attributes of a table are read: of each column of a call or a caller the names, best first.

    ``plain``: other attributes that are read at once; ``others``: those that make a span odd; ``beside``: those that
    an odd span is read with.
    """

    call: Mapping[str, tuple[str, ...]]
    caller: Mapping[str, tuple[str, ...]]
    plain: frozenset[str]
    others: tuple[str, ...]
    beside: tuple[str, ...]

    @classmethod
    def of(cls, attributes: Mapping[str, pa.DataType], marks: Iterable[str]) -> Plan:
        """The plan for attributes of some types; of ``marks`` it counts only whether they are told."""
        texts = [name for name, kind in attributes.items() if is_text(kind)]
        numbers = [name for name, kind in attributes.items() if _is_number(kind)]
        call = {"model": told} if (told := CALL.among(texts).get("model")) else {}
        for column, names in CALL.among(numbers).items():
            if column in _COUNTS:
                whole = pa.types.is_integer(attributes[names[0]])
                call[column] = tuple(name for name in names if pa.types.is_integer(attributes[name]) == whole)
        caller = {column: names for column, names in CALLER.among(texts).items() if column in _CALLERS}
        plain = {name for name in (*_TEXTS_READ, *marks) if name in texts}
        plain |= {name for name in (SENT, ANSWERED) if name in attributes and holds_messages(attributes[name])}
        known = plain.union(*call.values(), *caller.values())
        rest = [name for name, kind in attributes.items() if name not in known and not pa.types.is_null(kind)]
        rest = list(filter(is_read, rest))
        beside = tuple(name for name in rest if name.partition(".")[0] == BESIDE)
        return cls(call, caller, frozenset(plain), tuple(name for name in rest if name not in beside), beside)

    @property
    def names(self) -> frozenset[str]:
        """All attributes that are read."""
        return self.plain.union(self.others, self.beside, *self.call.values(), *self.caller.values())


def is_read(name: str) -> bool:
    """Whether a span may be read by an attribute."""
    return name.partition(".")[0] in NAMESPACES and name not in UNREAD


def _is_number(kind: pa.DataType) -> bool:
    return bool((pa.types.is_integer(kind) and kind != pa.uint64()) or kind in _FRACTIONS)


def told_calls(plan: Plan, told: Mapping[str, pa.Array], kinds: pa.Array) -> tuple[Bools, Bools]:
    """Which spans are calls to models, and which are odd so far; ``kinds`` tells the kind where no attribute does."""
    count = len(kinds)
    odd = np.zeros(count, bool)
    for name in plan.others:
        odd |= _valid(told[name])
    if KIND in plan.plain:
        kinds = pc.coalesce(told[KIND].cast(_TEXT), kinds)
    of_kind = coded(kinds)
    tells = [called_by_kind(kind) for kind in of_kind.values]
    calls = np.array([one is True for one in tells] + [False], bool)[of_kind.which]
    open_ = np.array([one is None for one in tells] + [True], bool)[of_kind.which]
    for name in plan.call.get("model", ()):
        odd |= open_ & _valid(told[name])
    return calls, odd


def context_columns(plan: Plan, told: Mapping[str, pa.Array], server: Bools, calls: Bools) -> dict[str, Coded]:
    """`context_values` of spans that are not odd, of which some are a ``server``'s."""
    found = {column: _first_text(names, told) for column, names in plan.caller.items()}
    received = pa.array(server | calls)
    clients = [pc.if_else(received, found["forwarded"], None)] if "forwarded" in found else []
    clients += [found["address"]] if "address" in found else []
    clients += [pc.if_else(pa.array(server), found["peer"], None)] if "peer" in found else []
    context = {"account_id": found.get("account"), "session_id": found.get("session")}
    context["client_ip"] = pc.coalesce(*clients) if clients else None
    context["user_agent"] = pc.if_else(received, found["agent"], None) if "agent" in found else None
    return {name: coded(column) for name, column in context.items() if column is not None}


def call_columns(plan: Plan, told: Mapping[str, pa.Array], kinds: pa.Array) -> tuple[Values, Bools]:
    """`call_values` of calls that are not odd so far, in columns (lists or arrays); and which are odd after all."""
    count = len(kinds)
    values: Values = {}
    odd, sent = np.zeros(count, bool), np.zeros(count, bool)
    if SENT in plan.plain:
        values["system_prompt"], values["messages"], sent, odd = conversations(told[SENT])
    if INPUT_BODY in plan.plain:  # read where there are no messages
        odd |= _valid(told[INPUT_BODY]) & ~sent
    response, reasoning = pa.nulls(count, _TEXT), pa.nulls(count, _TEXT)
    if ANSWERED in plan.plain:
        response, reasoning, strange = answers(told[ANSWERED])
        odd |= strange
    values["response"], values["reasoning"] = _with_output(plan, told, response, reasoning)
    model = _first_text(plan.call["model"], told) if "model" in plan.call else pa.nulls(count, _TEXT)
    values |= {"model": model} | _parameters(plan, told, model)
    if KIND in plan.plain:
        kinds = pc.coalesce(told[KIND].cast(_TEXT), kinds)
    values["operation"] = taken(coded(kinds), operation_by_kind)
    for column in _COUNTS:
        if column in plan.call:
            values[column] = _first_number(plan.call[column], told)
    return values, odd


def _with_output(plan: Plan, told: Mapping[str, pa.Array], response: pa.Array, reasoning: pa.Array) -> tuple[Any, Any]:
    """The answers with what the attribute of the output, a text or a body, tells beside them."""
    if OUTPUT_BODY not in plan.plain or not told[OUTPUT_BODY].is_valid().true_count:
        return response, reasoning
    kinds = told[OUTPUT_TYPE] if OUTPUT_TYPE in plan.plain else pa.nulls(len(response), _TEXT)
    texts, thoughts = response.to_pylist(), reasoning.to_pylist()
    for place, (output, kind) in enumerate(zip(told[OUTPUT_BODY].to_pylist(), kinds.to_pylist(), strict=True)):
        if output is None or (kind != JSON and texts[place]):
            continue
        text, thought = answer_in(output) if kind == JSON else (clean_text(output), None)
        texts[place], thoughts[place] = texts[place] or text, thoughts[place] or thought
    return texts, thoughts


def _parameters(plan: Plan, told: Mapping[str, pa.Array], model: pa.Array) -> Values:
    """Settings, and the model where nothing else tells it."""
    if INVOCATION not in plan.plain:
        return {}
    parameters = coded(told[INVOCATION])
    asked = [asked_in(text) for text in parameters.values]
    found: Values = {
        "temperature": taken(Coded([one.temperature for one in asked], parameters.which)),
        "max_tokens": taken(Coded([one.max_tokens for one in asked], parameters.which)),
    }
    if model.null_count and any(one.model is not None for one in asked):
        models = taken(Coded([one.model for one in asked], parameters.which))
        others = models.to_pylist() if isinstance(models, pa.Array) else models
        found["model"] = [one or other for one, other in zip(model.to_pylist(), others, strict=True)]
    return found


def coded(column: pa.Array) -> Coded:
    """A column as its different values."""
    told = column.dictionary_encode()
    which = told.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(told.dictionary.to_pylist(), which)


def taken(told: Coded, make: Callable[[Any], Any] | None = None) -> Any:
    """The values of all rows, or what is made of them: an array where they are of one type, else a list."""
    values = [None if make is None else make(None)]
    values = [*(map(make, told.values) if make else told.values), *values]
    which = np.where(told.which < 0, len(values) - 1, told.which)
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str} or kinds == {int} or kinds == {float}:
        try:
            array = pa.array(values, _TEXT if kinds <= {str} else None)
        except (pa.ArrowException, OverflowError, UnicodeError):
            pass  # a number too large, or a text that UTF-8 cannot hold
        else:
            return array.take(pa.array(which))
    return [values[place] for place in which.tolist()]


def _valid(column: pa.Array) -> Bools:
    found: Bools = column.is_valid().to_numpy(zero_copy_only=False)
    if column.type in _FRACTIONS:  # "not a number" is nothing in a data frame
        found = found & ~pc.is_nan(column).fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _first_text(names: tuple[str, ...], told: Mapping[str, pa.Array]) -> pa.Array:
    """`attributes.first` of columns of texts."""
    columns = [told[name].cast(_TEXT) for name in names]
    filled = [pc.if_else(pc.equal(column, ""), None, column) for column in columns]
    return filled[0] if len(filled) == 1 else pc.coalesce(*filled)


def _first_number(names: tuple[str, ...], told: Mapping[str, pa.Array]) -> Any:
    """`attributes.first` of columns of counts, all whole or all of a data frame's fractions."""
    columns = [told[name] for name in names]
    if pa.types.is_integer(columns[0].type):
        return pc.coalesce(*(column.cast(pa.int64()) for column in columns))
    numbers = [column.cast(pa.float64()) for column in columns]
    number = pc.coalesce(*(pc.if_else(pc.is_nan(column), None, column) for column in numbers))
    try:
        return number.cast(pa.int64())
    except pa.ArrowInvalid:
        return number.to_pylist()
