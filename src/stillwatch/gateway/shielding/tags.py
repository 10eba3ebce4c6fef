"""Reasoning that open models write into the answer itself, between tags (``<think>…</think>``) that open the answer.

Only at its beginning (white space may stand before it): a tag later on is text that somebody asked for.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["TAGS", "Tagging", "Tags", "without_thought"]

Tagging = Literal["off", "opening", "implied"]
"""Tags are text like any other; a tag that opens the answer begins reasoning; the answer begins inside of the
reasoning, whose opening tag was in the prompt (templates of DeepSeek-R1 and QwQ): all up to the closing tag is
reasoning, and all of it where that never comes."""
TAGS = (
    ("<think>", "</think>"),  # DeepSeek, Qwen, GLM, MiniMax
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
)


class Split(NamedTuple):
    """A piece of the answer: what may leave, and what is reasoning."""

    visible: str
    thought: str


class Tags:
    """One answer's text as it comes, in pieces cut anywhere."""

    def __init__(self, tagging: Tagging) -> None:
        self._tagging = tagging
        self._open = tagging != "off"  # the answer has not begun
        self._closing = TAGS[0][1] if tagging == "implied" else ""  # the tag that ends the reasoning we are in
        self._held = ""

    def feed(self, text: str) -> Split:
        """What ``text`` adds. What may be the beginning of a tag is held back."""
        if not self._open or not text:
            return Split(text, "")
        text, self._held = self._held + text, ""
        visible, thought = [], []
        while text and self._open:
            if self._closing:
                inside, text = self._inside(text)
                thought.append(inside)
            else:
                before, text = self._before(text)
                visible.append(before)
        return Split("".join([*visible, text]), "".join(thought))

    def _inside(self, text: str) -> tuple[str, str]:
        place = text.find(self._closing)
        if place >= 0:
            end = place + len(self._closing)
            self._closing = ""
            return text[:place], text[end:]
        kept = _unfinished(text, self._closing)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept], ""

    def _before(self, text: str) -> tuple[str, str]:
        """Blanks pass; then a tag, the beginning of one, or the answer."""
        blanks = len(text) - len(text.lstrip())
        rest = text[blanks:]
        for opening, closing in TAGS:
            if rest.startswith(opening):
                self._closing = closing
                return text[:blanks], rest[len(opening) :]
        if rest and not any(opening.startswith(rest) for opening, _ in TAGS):
            self._open = False
            return text[:blanks], rest
        self._held = rest
        return text[:blanks], ""

    def finish(self) -> Split:
        """What was held back when the answer ended: the beginning of a tag that never came is text."""
        held, self._held = self._held, ""
        return Split("", held) if self._closing else Split(held, "")


def _unfinished(text: str, tag: str) -> int:
    """How many of the last characters of ``text`` may begin ``tag``."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)


def without_thought(text: str, tagging: Tagging) -> Split:
    """A whole answer, parted."""
    tags = Tags(tagging)
    first, last = tags.feed(text), tags.finish()
    return Split(first.visible + last.visible, first.thought + last.thought)
