"""Answers that were collected elsewhere, from a file of JSON lines: nothing is asked, no network is needed.

A line is ``{"question": ID, "sample": 0, "text": "…"}``; ``sample`` (0), ``finish`` (``stop``), ``reasoning``,
``model``, ``tokens_in``, ``tokens_out`` and ``tool_calls`` (``[{"name": …, "arguments": "JSON"}]``) may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from stillwatch.asking.base import Answer, Endpoint, EndpointInfo, Question, ToolCall
from stillwatch.errors import InputError, UsageError

__all__ = ["KIND"]

_LONGEST_LINE = 16 * 2**20
_DO = 'give lines of {"question": ID, "sample": 0, "text": "…"}'


class _Line(msgspec.Struct, frozen=True):
    question: str
    text: str = ""
    sample: int = 0
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Literal["stop", "length", "filtered", "tool"] = "stop"
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    asked_at: str = ""


class AnswerFiles:
    """The kind ``answers:FILE``."""

    info: ClassVar[EndpointInfo] = EndpointInfo(
        name="answers",
        summary="Answers collected elsewhere, from a file of JSON lines; nothing is asked",
        reference="docs/asking.md",
        example="answers:suspect.jsonl",
    )

    def opens(self, address: str) -> bool:
        """See `EndpointKind.opens`."""
        return address.startswith("answers:")

    def open(self, address: str, options: Mapping[str, Any]) -> Endpoint:
        """See `EndpointKind.open`; also raises `InputError` for a file that holds no such lines."""
        path = Path(address.removeprefix("answers:"))
        unknown = sorted(set(options) - {"timeout"})
        if unknown:
            raise UsageError(f"has an option that answer files lack: {unknown[0]}", address, "leave it out")
        return _Endpoint(path, _answers(path))


KIND = AnswerFiles()


class _Endpoint:
    def __init__(self, path: Path, answers: Mapping[tuple[str, int], Answer]) -> None:
        self.name, self._answers = f"answers:{path.name}", answers

    async def ask(self, question: Question) -> Answer:
        absent = Answer(question.id, question.sample, finish="failed", error="the file has no answer to it")
        return self._answers.get((question.id, question.sample), absent)

    async def close(self) -> None:
        """There is nothing to give back."""


def _answers(path: Path) -> dict[tuple[str, int], Answer]:
    decode = msgspec.json.Decoder(_Line).decode
    answers: dict[tuple[str, int], Answer] = {}
    lines: dict[tuple[str, int], int] = {}
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if not line.strip():
                    continue
                where = f"{path}:{number}"
                try:
                    told = decode(line)
                except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                    raise InputError(f"holds no answer: {error}", where, _DO) from error
                key = (told.question, told.sample)
                if key in lines:
                    raise InputError(f"answers what line {lines[key]} answers", where, "leave one of the two") from None
                lines[key] = number
                answers[key] = Answer(**msgspec.structs.asdict(told))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, "name a file of answers") from error
    if not answers:
        raise InputError("holds no answers", path, _DO)
    return answers
