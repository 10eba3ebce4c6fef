"""STIX patterns: what ours say, and what a stranger's says that means something here.

A stranger's pattern never reaches a general parser. Of the grammar (STIX 2.1, part 9) this reads comparisons of one
object with constants, joined by OR, and an AND whose other side only repeats what the object is. Everything else
(negation, ordering, sequences, times, likeness) is left alone: half of a pattern is another pattern. The work grows
with the pattern's length, which is bounded, and nothing is kept of it but the values found.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stillwatch.sharing.formats.values import address_value, asn_value, ja4_value

__all__ = ["MOST_CHARACTERS", "Found", "PatternError", "found_in"]

MOST_CHARACTERS = 16 * 1024
MOST_TOKENS = 2048
MOST_DEPTH = 16
NOWHERE = -1

_STEP = r"(?:[A-Za-z0-9_-]++|'(?:[^'\\]|\\.)*+')"
_TOKEN = re.compile(
    rf"(?P<path>[A-Za-z0-9_-]++:{_STEP}(?:\.{_STEP}|\[(?:\*|-?[0-9]++)\])*+)"
    r"|(?P<text>[thb]?'(?:[^'\\]|\\.)*+')"
    r"|(?P<number>-?[0-9]++(?:\.[0-9]++)?)"
    r"|(?P<word>[A-Za-z]++)"
    r"|(?P<mark>[\[\](),]|==?|!=|<>|<=?|>=?)",
    re.ASCII | re.DOTALL,
)
_BLANK = re.compile(r"\s*+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ENDS_OF_TYPES = re.compile(r"^(?P<of>.+)[.:]type$", re.DOTALL)
_ADDRESS_PATHS = frozenset(
    {"ipv4-addr:value", "ipv6-addr:value", "network-traffic:src_ref.value", "network-traffic:dst_ref.value"}
)
_ENDS = frozenset({"network-traffic:src_ref.value", "network-traffic:dst_ref.value"})  # may be names of hosts, too
_ASN_PATHS = frozenset(
    {
        "autonomous-system:number",
        "ipv4-addr:belongs_to_refs[*].number",
        "ipv6-addr:belongs_to_refs[*].number",
    }
)


class PatternError(ValueError):
    """A pattern that cannot be read, or names no value of its kind; its text is ours, not the pattern's."""


class Found(NamedTuple):
    """A value: ``kind`` and ``value`` as in `stillwatch.sharing.base.ForeignIndicator`."""

    kind: str
    value: str


class _Meaning(NamedTuple):
    """What a part says: the values of which any one is enough, and the object that they are of."""

    found: tuple[Found, ...]
    of: str


class _Token(NamedTuple):
    kind: str
    text: str


def found_in(pattern: str) -> tuple[Found, ...]:
    """The values of which each one alone fulfils ``pattern``, each once; none: it says nothing that is understood here.

    Raises `PatternError` for one that is too long, too deep, cannot be read, or compares with what is no such value.
    """
    if len(pattern) > MOST_CHARACTERS:
        raise PatternError(f"its pattern is longer than {MOST_CHARACTERS} characters")
    meaning = _Parser(_tokens(pattern)).whole()
    return tuple(dict.fromkeys(meaning.found)) if meaning else ()


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = _end_of_blank(pattern, 0)
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise PatternError(f"its pattern cannot be read from character {at + 1}")
        if len(tokens) == MOST_TOKENS:
            raise PatternError(f"its pattern has more than {MOST_TOKENS} parts")
        tokens.append(_Token(match.lastgroup or "", match.group()))
        at = _end_of_blank(pattern, match.end())
    return tokens


def _end_of_blank(pattern: str, at: int) -> int:
    match = _BLANK.match(pattern, at)
    return match.end() if match else at


class _Parser:
    """One descent through the tokens, at most `MOST_DEPTH` deep; None stands for a part that is not understood."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    def whole(self) -> _Meaning | None:
        """The pattern; what follows an observation (a sequence, a qualifier) makes all of it not understood."""
        meaning = self.observations(0)
        return meaning if self.at == len(self.tokens) else None

    def observations(self, depth: int) -> _Meaning | None:
        parts = [self.observation(depth)]
        while self.takes("word", "OR"):
            parts.append(self.observation(depth))
        return _either(parts)

    def observation(self, depth: int) -> _Meaning | None:
        self.deeper(depth)
        if self.takes("mark", "("):
            inside = self.observations(depth + 1)
            if not self.takes("mark", ")"):
                self.at = NOWHERE  # a sequence or a qualifier: nothing of the pattern is used
                return None
            return inside
        self.must("[")
        inside = self.alternatives(depth + 1)
        self.must("]")
        return inside

    def alternatives(self, depth: int) -> _Meaning | None:
        parts = [self.together(depth)]
        while self.takes("word", "OR"):
            parts.append(self.together(depth))
        return _either(parts)

    def together(self, depth: int) -> _Meaning | None:
        parts = [self.one(depth)]
        while self.takes("word", "AND"):
            parts.append(self.one(depth))
        return _all(parts)

    def one(self, depth: int) -> _Meaning | None:
        self.deeper(depth)
        if self.takes("mark", "("):
            inside = self.alternatives(depth + 1)
            self.must(")")
            return inside
        if self.takes("word", "EXISTS"):
            self.take("path")
            return None
        return self.comparison()

    def comparison(self) -> _Meaning | None:
        path = self.take("path")
        negated = self.takes("word", "NOT")
        operator = self.peek()
        if operator.kind not in ("mark", "word") or operator.text in "[](),":
            raise PatternError("its pattern compares with nothing")
        self.at += 1
        values = self.operand()
        return None if negated else _meaning(path, operator.text, values)

    def operand(self) -> list[str]:
        if not self.takes("mark", "("):
            return [self.constant()]
        values = [self.constant()]
        while self.takes("mark", ","):
            values.append(self.constant())
        self.must(")")
        return values

    def constant(self) -> str:
        token = self.peek()
        self.at += 1
        if token.kind == "text" and token.text[0] == "'":
            return _ESCAPED.sub(r"\1", token.text[1:-1])
        if token.kind in ("text", "number") or token.text.lower() in ("true", "false"):
            return token.text
        raise PatternError("its pattern compares with no constant")

    def deeper(self, depth: int) -> None:
        if depth > MOST_DEPTH:
            raise PatternError(f"its pattern is nested deeper than {MOST_DEPTH}")

    def peek(self) -> _Token:
        return self.tokens[self.at] if 0 <= self.at < len(self.tokens) else _Token("end", "")

    def takes(self, kind: str, text: str) -> bool:
        token = self.peek()
        taken = token.kind == kind and (token.text.upper() if kind == "word" else token.text) == text
        self.at += taken
        return taken

    def take(self, kind: str) -> str:
        token = self.peek()
        if token.kind != kind:
            raise PatternError("its pattern cannot be read")
        self.at += 1
        return token.text

    def must(self, mark: str) -> None:
        if not self.takes("mark", mark):
            raise PatternError(f"its pattern lacks a {mark}")


def _either(parts: list[_Meaning | None]) -> _Meaning | None:
    """Any of the parts is enough: those that are understood and name a value."""
    if len(parts) == 1:
        return parts[0]
    found = tuple(value for part in parts if part for value in part.found)
    of = {part.of for part in parts if part and part.found}
    return _Meaning(found, of.pop() if len(of) == 1 else "") if found else None


def _all(parts: list[_Meaning | None]) -> _Meaning | None:
    """All parts are needed: one names values, and the others only repeat what the same object is."""
    if len(parts) == 1:
        return parts[0]
    known = [part for part in parts if part is not None]
    of = {part.of for part in known}
    naming = [part for part in known if part.found]
    return naming[0] if len(known) == len(parts) and len(of) == 1 and len(naming) == 1 else None


def _meaning(path: str, operator: str, values: list[str]) -> _Meaning | None:
    is_equal = operator in ("=", "==") or operator.upper() == "IN"
    step = _last_step(path)
    if path in _ADDRESS_PATHS and (is_equal or operator.upper() == "ISSUBSET"):
        try:
            found = tuple(_found("address", value) for value in values)
        except PatternError:
            if path in _ENDS:
                return None
            raise
        return _Meaning(found, path.removesuffix("value").rstrip(".:"))
    if path in _ASN_PATHS and is_equal:
        return _Meaning(tuple(_found("asn", value) for value in values), path.removesuffix("number").rstrip(".:"))
    if step in ("ja4", "ja4_fingerprint", "x_ja4") and is_equal:
        return _Meaning(tuple(_found("ja4", value) for value in values), path)
    if is_equal and path.startswith("autonomous-system:"):
        return _Meaning((), "autonomous-system")  # its name or registry: the number already says which one
    typed = _ENDS_OF_TYPES.match(path)
    if typed and is_equal and values in (["ipv4-addr"], ["ipv6-addr"]):
        return _Meaning((), typed["of"])
    return None


def _last_step(path: str) -> str:
    return re.split(r"[.:]", path)[-1].strip("'").lower()


def _found(kind: str, text: str) -> Found:
    try:
        if kind == "address":
            return Found(*address_value(text))
        return Found(kind, asn_value(text) if kind == "asn" else ja4_value(text))
    except ValueError as error:
        raise PatternError(f"the {kind} in its pattern {error}") from error
