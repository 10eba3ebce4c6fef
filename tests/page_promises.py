"""What every page of Stillwatch promises, whatever its report holds: one check for each promise."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import re

from tests.campaigns.page_outline import outline

_LOADING = {"img", "iframe", "object", "embed", "video", "audio", "form", "base", "image", "use"}
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NUMBERS = re.compile(r' (?:x|y|x1|x2|y1|y2|cx|cy|r|width|height)="(-?[\d.]+)%?"')


def shown(page: str) -> str:
    """The text that a reader sees, on one line."""
    return " ".join("".join(outline(page).text).split())


def check_well_formed(page: str) -> None:
    """Every element closes in order, ids are unique, and links and labels lead somewhere."""
    read = outline(page)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    for _, attributes in read.tags:
        target = attributes.get("href") or ""
        if target.startswith("#"):
            assert target[1:] in read.ids
        for name in ("aria-labelledby", "for", "data-table"):
            if attributes.get(name):
                assert attributes[name] in read.ids


def check_reads_aloud(page: str) -> None:
    """Headings step down one at a time, drawings have names or are passed over, tables have captions and headers."""
    levels = [int(tag[1]) for tag, _ in outline(page).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for drawing in _drawings(page):
        assert 'aria-hidden="true"' in drawing or "aria-label=" in drawing or "<title>" in drawing
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        assert "<caption>" in table
        assert '<th scope="col"' in table


def _drawings(page: str) -> list[str]:
    """The outermost drawings: what is drawn within one is named by it."""
    found, depth, start = [], 0, 0
    for tag in re.finditer(r"<svg\b|</svg>", page):
        start = tag.start() if tag.group() != "</svg>" and depth == 0 else start
        depth += 1 if tag.group() != "</svg>" else -1
        if depth == 0:
            found.append(page[start : tag.end()])
    return found


def check_loads_nothing(page: str) -> None:
    """No element, attribute or style fetches, runs or sends anything."""
    for tag, attributes in outline(page).tags:
        assert tag not in _LOADING
        assert not {n for n in attributes if n.startswith("on") or n in ("src", "style", "srcset", "action")}
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert not re.search(r"url\(|@import|https?:", style.group(1))


def check_policy(page: str) -> None:
    """The only style sheet and the only script are named by hash, and all else is forbidden."""
    policy = html.unescape(page)
    for tag in ("style", "script"):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(bodies) == 1
        digest = base64.b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def check_hostile_text_is_text(page: str, *, longest: int) -> None:
    """Markup, controls, changes of direction and templates in a report are shown as the text that they are."""
    read = outline(page)
    text = "".join(read.text)
    assert [tag for tag, _ in read.tags].count("script") == 1
    for said in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "⟨U+202E⟩evil", "⟨U+001B⟩[31mred"):
        assert said in text
    assert "{{ 7 * 7 }}" in text
    assert not _STEERING.search(page)
    assert "a" * longest not in page


def check_numbers(page: str, *, least: float = 0) -> None:
    """Nothing unknown is written as a program writes it, and no drawing leaves its frame.

    ``least`` is below 0 where shapes are drawn around a place of their own.
    """
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|null)\b|\bNone(?! of )", body)
    for number in _NUMBERS.findall(body):
        assert least <= float(number) <= 400
