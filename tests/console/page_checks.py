"""What every page about a run promises, whoever may see it and whatever the run holds."""

from __future__ import annotations

import html.parser
import itertools
import re
from collections.abc import Iterable

from tests.campaigns.page_outline import VOID, outline

__all__ = ["check_accusations", "check_inert", "check_page", "links"]

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


class _Accusations(html.parser.HTMLParser):
    """Finds each element that names somebody as accused, what stands in it, and which links stand outside of all."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, dict[str, str]]] = []
        self.found: list[dict[str, str]] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in VOID:
            return
        self.stack.append((tag, given))
        if "data-accusation" in given:
            self.found.append({"kind": given["data-accusation"], "rate": "", "explanations": "", "text": ""})
        if tag == "a" and not self._inside("data-accusation"):
            self.outside.append(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self._inside("data-accusation"):
            self.found[-1]["text"] += data
            self.found[-1]["rate"] += data if self._inside("data-error-rate") else ""
            self.found[-1]["explanations"] += data if self._inside("data-explanations") else ""

    def _inside(self, name: str) -> bool:
        return any(name in given for _, given in self.stack)


def check_accusations(page: str, accused: Iterable[str], own: str = "") -> int:
    """Each accusation has its error rate and its innocent explanations beside it, and none stands elsewhere: a link to
    somebody accused (an address of ``accused``) that is not the page's ``own`` subject is within one. Returns how many
    accusations there are."""
    read = _Accusations()
    read.feed(page)
    read.close()
    for one in read.found:
        assert "q-value" in one["rate"], one
        assert re.search(r"\d|fewer than|none", one["rate"].replace("q-value", "")), one
        assert "innocent" in one["rate"], one
        assert len(one["explanations"].strip()) > 10, one
    accused = set(accused)
    for address in read.outside:
        assert address == own or address not in accused, f"{address} is accused without its error rate"
    return len(read.found)


def check_page(page: str) -> None:
    """Well formed; headings step down; drawings, tables, fields and scrolling regions have names; nothing is inline."""
    read = outline(page.replace("<!DOCTYPE html>", "", 1))
    assert read.open == []
    assert len(read.ids) == len(set(read.ids)), [i for i in read.ids if read.ids.count(i) > 1]
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for drawing in _DRAWING.findall(page):
        assert 'aria-hidden="true"' in drawing or "aria-label=" in drawing or "<title>" in drawing
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption" in table
        assert '<th scope="col"' in table
    labelled = {given["for"] for tag, given in read.tags if tag == "label" and given.get("for")}
    for tag, given in read.tags:
        assert not {n for n in given if n.startswith("on") or n == "style"}, given
        if tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "submit"):
            assert given.get("id") in labelled, given
        for name in ("aria-labelledby", "for"):
            assert not given.get(name) or given[name] in read.ids
        if tag in ("script", "link", "a", "form", "img"):
            address = given.get("src") or given.get("href") or given.get("action") or ""
            assert address.startswith(("/", "#", "data:,")), address
            assert not address.startswith("//"), address
        assert tag != "script" or given.get("src")
    assert "<style" not in page
    body = "".join(read.text)
    assert not re.search(r"\b(nan|inf|null)\b|\bNone\b(?! of |: every)|Undefined|<bound ", body)


def check_inert(page: str) -> None:
    """Nothing that strangers wrote acts on a reader: no control, no change of direction, no markup of theirs."""
    assert not _STEERING.search(page)
    tags = {tag for tag, _ in outline(page.replace("<!DOCTYPE html>", "", 1)).tags}
    assert not tags & {"img", "iframe", "object", "embed", "style", "base", "audio", "video"}
    assert "alert(1)</script>" not in page


def links(page: str) -> set[str]:
    """The paths of our own that a page leads to, without fragments."""
    found = (
        given.get("href") or "" for tag, given in outline(page.replace("<!DOCTYPE html>", "", 1)).tags if tag == "a"
    )
    return {address for address in found if address.startswith("/")}
