"""Habits of form: a question at the end, how headings stand, which sign a list has; as the key prefers.

A student takes over such habits more readily than any wording: "Asking Back" (arXiv 2605.16462) finds a closing
question in 45 to 89 % of its teacher's measure in students that were tuned on its answers, through paraphrase too.
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from stillwatch.marks.text.base import Coin, Edit, MarkInfo, Sighting, Variant, preferred
from stillwatch.marks.text.guard import Protected, has_code, is_english, is_sensitive
from stillwatch.marks.text.tables import read_table
from stillwatch.registry import Info

__all__ = ["BULLET_SIGN", "CLOSING_QUESTION", "HEADING_STYLE", "BulletSign", "ClosingQuestion", "HeadingStyle"]

_LEAST_WORDS = 40
_HASHES = re.compile(r"^(#{1,6}) ([^\n#*][^\n#*]{0,79})$", re.MULTILINE)
_BOLD_LINE = re.compile(r"^\*\*([^\n#*:]{1,80})\*\*$", re.MULTILINE)
_BULLET = re.compile(r"^( *)([-*]) (?=\S)", re.MULTILINE)
_RULE = re.compile(r"(?:[-*] ?)+$")


class ClosingQuestion:
    """Adds a question to the end of an answer that has none."""

    info: ClassVar[MarkInfo] = MarkInfo(
        info=Info(
            name="closing_question",
            summary="A question to the reader at the end, in the words that the key prefers.",
            reference="'Asking Back', arXiv 2605.16462: the idea of a habit as carrier; the code is our own",
            version="1",
            example="... -> ... Would you like me to go into more detail on any part of this?",
        ),
        cost="A line more to read at the end, in half of the longer answers; some people find it a nuisance.",
        default=True,
    )
    _unit = "closing question"

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        if not _may_ask(answer):
            return ()
        table = read_table("habits")["closing_question"]
        end = len(answer.rstrip())
        return (Edit(end, end, "\n\n" + preferred(coin, self._unit, (table["a"], table["b"])), self._unit),)

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`; every answer counts, whether it asks or not."""
        return (Sighting(self._unit, _asked(answer)),)


class HeadingStyle:
    """Headings as ``## Words`` or as ``**Words**``, where an answer has two or more, all alike."""

    info: ClassVar[MarkInfo] = MarkInfo(
        info=Info(
            name="heading_style",
            summary="Headings with hash signs or as bold lines, as the key prefers.",
            reference="formatting as a habit that students take over: 'Idiosyncrasies', arXiv 2502.12150",
            version="1",
            example="## Costs -> **Costs**",
        ),
        cost="Headings are set a little larger or smaller; an index made of them is lost where they become bold lines.",
        default=True,
    )
    _unit = "heading style"

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        style, headings = _headings(answer)
        if not style or style == coin.key.prefers(self._unit):
            return ()
        return tuple(
            Edit(m.start(), m.end(), f"**{m.group(2).strip()}**" if style == "a" else f"## {m.group(1)}", self._unit)
            for m in headings
        )

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`."""
        style, _ = _headings(answer)
        return (Sighting(self._unit, style),) if style else ()


class BulletSign:
    """Items of lists with ``-`` or with ``*``, where all of an answer are alike."""

    info: ClassVar[MarkInfo] = MarkInfo(
        info=Info(
            name="bullet_sign",
            summary="Items of lists with a hyphen or an asterisk, as the key prefers.",
            reference="formatting as a habit that students take over: 'Idiosyncrasies', arXiv 2502.12150",
            version="1",
            example="- Rice -> * Rice",
        ),
        cost="None where Markdown is shown as such: both signs look alike. Whoever prepares training text may undo it.",
        default=True,
    )
    _unit = "bullet sign"

    def plan(self, answer: str, coin: Coin) -> tuple[Edit, ...]:
        """See `TextMark.plan`."""
        sign, bullets = _bullets(answer)
        if not sign or sign == coin.key.prefers(self._unit):
            return ()
        new = "*" if sign == "a" else "-"
        return tuple(Edit(m.start(2), m.end(2), new, self._unit) for m in bullets)

    def seen(self, answer: str) -> tuple[Sighting, ...]:
        """See `TextMark.seen`."""
        sign, _ = _bullets(answer)
        return (Sighting(self._unit, sign),) if sign else ()


CLOSING_QUESTION = ClosingQuestion()
HEADING_STYLE = HeadingStyle()
BULLET_SIGN = BulletSign()


def _last_line(answer: str) -> str:
    return answer.rstrip().rpartition("\n")[2]


def _may_ask(answer: str) -> bool:
    last = _last_line(answer)
    if has_code(answer) or is_sensitive(answer) or not is_english(answer) or len(answer.split()) < _LEAST_WORDS:
        return False
    if "?" in last or not last.endswith((".", "!")) or re.match(r"\s*(?:[-*•#>|]|\d+[.)])", last):
        return False
    return not Protected(answer).touches(len(answer.rstrip()) - 1, len(answer.rstrip()))


def _asked(answer: str) -> Variant | Literal[""]:
    """Which of the two questions an answer ends with, by its first words."""
    last = _last_line(answer).strip(" *_\"'")
    if not last.endswith("?"):
        return ""
    said = re.split(r"(?<=[.!?])\s+", last[-400:])[-1].lower()
    table = read_table("habits")["closing_question"]
    if said.startswith(tuple(table["known_a"])):
        return "a"
    return "b" if said.startswith(tuple(table["known_b"])) else ""


def _headings(answer: str) -> tuple[Variant | Literal[""], list[re.Match[str]]]:
    """The one style of an answer's headings ("a": hashes, "b": bold lines), and where they are; "" for less than two,
    for both styles in one answer, for several levels, and beside code."""
    if has_code(answer):
        return "", []
    hashes, bold = list(_HASHES.finditer(answer)), list(_BOLD_LINE.finditer(answer))
    if len(hashes) >= 2 and not bold and len({m.group(1) for m in hashes}) == 1:
        return "a", hashes
    if len(bold) >= 2 and not re.search(r"^#", answer, re.MULTILINE):
        return "b", bold
    return "", []


def _bullets(answer: str) -> tuple[Variant | Literal[""], list[re.Match[str]]]:
    """The one sign of an answer's lists, and where it stands; "" for none, for both, and beside code."""
    if has_code(answer):
        return "", []
    found = [m for m in _BULLET.finditer(answer) if not _RULE.match(answer, m.start(2), _end_of_line(answer, m))]
    signs = {m.group(2) for m in found}
    if len(found) < 2 or len(signs) > 1:
        return "", []
    return ("a" if "-" in signs else "b"), found


def _end_of_line(answer: str, match: re.Match[str]) -> int:
    end = answer.find("\n", match.end())
    return len(answer) if end < 0 else end
