"""What HTTP recorders keep, decoded: headers in three notations, bodies in five, and keys, of which a hash is left.

A body is an object, JSON text, the text of server-sent events, a list of a stream's chunks, or any of the texts in
base64 (and compressed, where a recorder kept the bytes of the wire). What is none of these is no body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stillwatch.sources.calls.gateway_calls import logged_body

__all__ = ["body_of", "bytes_of", "credential", "headers_of", "key_id", "without_key"]

_PAIR = (tuple, list)
INFLATED_BYTES = 64 * 2**20
KEY_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
HIDDEN = re.compile(r"redacted|masked|filtered|hidden|\*{3}|\.{3}|…|^x+$", re.IGNORECASE)
LOOKS_LIKE_A_KEY = re.compile(
    r"(?:(?:sk|rk|gsk|xai|hf|pplx|nvapi)[-_]|AIza|ya29\.|eyJ|(?:Bearer|Basic) )[\w.~+/=-]{16,}", re.ASCII
)
SIGNED_BY = re.compile(r"AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)")


def headers_of(value: Any) -> dict[str, str]:
    """Headers by their lower-case name, repeated ones joined: from an object, ``{name, value}`` objects or pairs."""
    if isinstance(value, dict):
        plain = {name.lower(): text for name, text in value.items() if type(text) is str}
        if len(plain) == len(value):
            return plain
        pairs: list[Any] = [*value.items()]
    elif isinstance(value, list):
        pairs = [(item.get("name"), item.get("value")) if isinstance(item, dict) else item for item in value]
    else:
        return {}
    headers: dict[str, str] = {}
    for pair in pairs:
        if not isinstance(pair, _PAIR) or len(pair) != 2 or not isinstance(pair[0], str):
            continue
        texts = [text for text in (pair[1] if isinstance(pair[1], list) else [pair[1]]) if isinstance(text, str)]
        name = pair[0].lower()
        if texts:
            headers[name] = ", ".join([*([headers[name]] if name in headers else []), *texts])
    return headers


def key_id(key: str) -> str | None:
    """A short hash that stands for a key and is of no use as one; null for what a recorder left of a hidden key.

    BLAKE2b, 64 bits: keys are random, so nobody finds one by trying.
    """
    if len(key) < 4 or HIDDEN.search(key):
        return None
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, person=b"api key").hexdigest()


def without_key(value: Any) -> Any:
    """An id as it is; where somebody has put a key in its place, the key's hash."""
    return key_id(value) if isinstance(value, str) and LOOKS_LIKE_A_KEY.match(value) else value


def credential(headers: Mapping[str, str], url: str) -> str | None:
    """The hash of the key that a request was made with; null where it has none, or one that was hidden.

    A signature of AWS changes with every request: there it is the hash of the access key's id.
    """
    for name in KEY_HEADERS:
        if headers.get(name):
            return key_id(headers[name])
    given = headers.get("authorization", "")
    signed = SIGNED_BY.match(given)
    if signed:
        return key_id(signed[1])
    if given:
        return key_id(given.rpartition(" ")[2])
    if "?" not in url:
        return None
    try:
        keys = parse_qs(urlsplit(url).query).get("key")  # Gemini's
    except ValueError:
        return None
    return key_id(keys[0]) if keys else None


def bytes_of(text: str) -> bytes | None:
    """The bytes that base64 stands for; None where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def body_of(value: Any) -> Mapping[str, Any]:
    """A body as one object, a stream put together; empty where there is none that can be read."""
    if isinstance(value, bytes):
        value = _inflated(value).decode(errors="replace")
    return logged_body(value)


def _inflated(data: bytes) -> bytes:
    """Bytes of the wire without gzip or zlib around them, up to 64 MiB; as they are where they are not compressed."""
    if data[:1] not in (b"\x1f", b"\x78"):
        return data
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(data, INFLATED_BYTES)
    except zlib.error:
        return data
