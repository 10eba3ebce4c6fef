"""The text of a PDF as a reader of it gets it: from its streams, by the tables from glyphs to characters that it holds.

Only what WeasyPrint writes is read; whatever else is met raises, so that no text is passed over.
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

_OBJECT = re.compile(rb"(?<![0-9])(\d+) 0 obj\s(.*?)\sendobj", re.DOTALL)
_STREAM = re.compile(rb"^(.*?)stream\r?\n(.*)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"/(\S+) [\d.]+ Tf|(<[0-9a-fA-F\s]*>)\s*Tj|\[(.*?)\]\s*TJ|BT|ET|(T\*|Td|TD|Tm)", re.DOTALL)


class Paper(NamedTuple):
    """A PDF's pages as text, all its dictionaries as bytes, and what it says of itself (XMP)."""

    pages: tuple[str, ...]
    dictionaries: bytes
    metadata: bytes


def read(data: bytes) -> Paper:
    objects: dict[int, bytes] = {}
    streams: dict[int, bytes] = {}
    for number, body in _OBJECT.findall(data):
        found = _STREAM.match(body)
        if found is None:
            objects[int(number)] = body
            continue
        head, raw = found.groups()
        streams[int(number)] = zlib.decompress(raw) if b"/FlateDecode" in head else raw
        objects[int(number)] = head
    for number, head in list(objects.items()):
        if b"/ObjStm" in head:
            first = int(re.search(rb"/First (\d+)", head)[1])  # type: ignore[index]
            numbers = [int(each) for each in streams[number][:first].split()]
            ends = [*numbers[3::2], len(streams[number]) - first]
            for name, start, end in zip(numbers[::2], numbers[1::2], ends, strict=True):
                objects[name] = streams[number][first + start : first + end]
    glyphs = _fonts(objects, streams)
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page(?!s)", body)]
    ordered = sorted(pages, key=lambda body: _reference(body, b"Contents"))
    texts = tuple(_text(streams[_reference(page, b"Contents")], glyphs) for page in ordered)
    metadata = b"".join(stream for stream in streams.values() if b"<x:xmpmeta" in stream or b"<rdf:RDF" in stream)
    return Paper(texts, b"\n".join(objects.values()), metadata)


def _reference(body: bytes, name: bytes) -> int:
    found = re.search(rb"/" + name + rb"\s*\[?\s*(\d+) 0 R", body)
    assert found is not None, body[:200]
    return int(found[1])


def _fonts(objects: dict[int, bytes], streams: dict[int, bytes]) -> dict[bytes, dict[int, str]]:
    named: dict[bytes, dict[int, str]] = {}
    for body in objects.values():
        for block in re.findall(rb"/Font\s*<<(.*?)>>", body, re.DOTALL):
            for name, number in re.findall(rb"/(\S+)\s+(\d+) 0 R", block):
                font = objects[int(number)]
                named[name] = _characters(streams[_reference(font, b"ToUnicode")])
        reference = re.search(rb"/Font\s+(\d+) 0 R", body)
        if reference is not None:
            for name, number in re.findall(rb"/(\S+)\s+(\d+) 0 R", objects[int(reference[1])]):
                if b"/ToUnicode" in objects[int(number)]:
                    named[name] = _characters(streams[_reference(objects[int(number)], b"ToUnicode")])
    return named


def _characters(table: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        for glyph, text in re.findall(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]*)>", block):
            found[int(glyph, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be", "replace")
    return found


def _text(content: bytes, fonts: dict[bytes, dict[int, str]]) -> str:
    written: list[str] = []
    font: dict[int, str] = {}
    for shown in _SHOWN.finditer(content):
        name, simple, array, _moved = shown.groups()
        if name is not None:
            font = fonts[name]
        elif simple is not None or array is not None:
            for run in re.findall(rb"<([0-9a-fA-F\s]*)>", simple or array):
                codes = bytes.fromhex(run.decode())
                pairs = (int.from_bytes(codes[at : at + 2], "big") for at in range(0, len(codes), 2))
                written.append("".join(font.get(code, "\ufffd") for code in pairs))
        else:
            written.append(" ")
    return " ".join("".join(written).split())
