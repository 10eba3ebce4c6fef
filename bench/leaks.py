"""What of a log stands in what was made to leave: every identifier, plain or hashed, and every run of eight words.

`secrets_of` reads a log and its customers once; `leaks` holds any output against it. Both are for tests and for
``python -m bench leaks``, which does it on a world of real texts.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import importlib.util
import json
import re
import tempfile
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from bench.worlds import SHARED
from stillwatch.errors import PluginError
from stillwatch.exchange import CUSTOMER
from stillwatch.pipeline import scan
from stillwatch.progress import Silent
from stillwatch.registry import Registry
from stillwatch.settings import Settings
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing import bulletin as types
from stillwatch.sharing.base import ShareFormat
from stillwatch.sharing.keys import SharingKey
from stillwatch.sharing.making import Terms, prepare, producer_of
from stillwatch.sharing.words import preview
from stillwatch.sources.customers import read_customers
from stillwatch.sources.log import open_log

__all__ = ["SPAN", "Leak", "Secrets", "leaking", "leaks", "public_words", "secrets_of", "written"]

SPAN = 8
"""Words in a row that no output may share with a text of the log."""
LEAST = 5
"""Characters of an identifier: a shorter one stands in any page of figures by chance."""
_BOUNDED = 16
"""Shorter identifiers count only where no letter or digit stands beside them."""
IDENTIFIERS = ("exchange_id", "account_id", "api_key_id", "session_id", "client_ip", "user_agent")
TEXTS = ("system_prompt", "messages", "response", "reasoning")
_HASHES = ("md5", "sha1", "sha256", "sha512", "blake2b")
_WORD = re.compile(r"\w+")
_HEX = re.compile(r"[0-9a-f]{16,}")


class Leak(NamedTuple):
    """What was found: the kind of secret (a column, "eight words of a text"), how it stood there, and what it is."""

    kind: str
    form: str
    secret: str


@dataclass(frozen=True)
class Secrets:
    """All that must not leave: ``identifiers`` by value, with their column; ``texts`` as they were written."""

    identifiers: dict[str, str]
    texts: tuple[str, ...]


def secrets_of(exchanges: pa.Table, customers: pa.Table | None = None) -> Secrets:
    """The identifiers and texts of a log (schema `EXCHANGE`, or some of its columns) and of its customers.

    Left out are words that are public, because every bulletin may hold them (a client that calls itself ``axios``), and
    what is shorter than `LEAST` characters.
    """
    found: dict[str, str] = {}
    for table, columns in ((exchanges, IDENTIFIERS), (customers, CUSTOMER.names)):
        for name in columns:
            if table is not None and name in table.column_names and name != "created_at":
                values = table.column(name).unique().drop_null().to_pylist()
                found |= {str(value): name for value in values if len(str(value)) >= LEAST}
    public, held = public_words(), [name for name in TEXTS if name in exchanges.column_names]
    texts = [text for name in held for text in exchanges.column(name).unique().to_pylist() if text]
    return Secrets({v: n for v, n in found.items() if v.casefold() not in public}, tuple(texts))


def public_words() -> frozenset[str]:
    """Every word of a closed list in the bulletin's types."""
    words = set()
    for value in vars(types).values():
        if typing.get_origin(value) is typing.Literal:
            words |= {str(word).casefold() for word in typing.get_args(value)}
    return frozenset(words)


def leaks(output: bytes, secrets: Secrets) -> tuple[Leak, ...]:
    """Every secret that stands in an output: as it is, in another case, escaped as JSON does, in base64, or as an
    unkeyed hash. None: an empty tuple.

    It takes memory for the output, not for the log: the substrings of each length are looked up, and of the texts only
    runs of words that all stand in the output.
    """
    return _found(_readable(output), secrets)


def leaking(outputs: Mapping[str, bytes], secrets: Secrets) -> dict[str, tuple[Leak, ...]]:
    """The outputs in which a secret stands, by name, with what stands there; all are looked through at once first."""
    if not _found("\n\n".join(_readable(output) for output in outputs.values()), secrets):
        return {}
    return {name: found for name, output in outputs.items() if (found := leaks(output, secrets))}


def _found(text: str, secrets: Secrets) -> tuple[Leak, ...]:
    return (*_named(text, secrets.identifiers), *_hashed(text, secrets.identifiers), *_quoted(text, secrets.texts))


def written(
    bulletins: tuple[types.Bulletin, ...], formats: Registry[ShareFormat], without: Callable[[str], None]
) -> Iterator[tuple[str, bytes]]:
    """The bulletins in every format, by its name; ``without`` is told the name of each that is not installed."""
    for name in formats.names():
        try:
            chosen = formats.get(name)
        except PluginError:
            module = formats.targets()[name].partition(":")[0]
            if name not in formats.extras and importlib.util.find_spec(module) is not None:
                raise  # it is there and broken: what it writes must not go unseen
            without(name)
            continue
        yield name, chosen.encode(bulletins)


def _readable(output: bytes) -> str:
    """The output as text, once as it is and once with JSON's escapes undone."""
    text = output.decode("utf-8", "replace")
    parts = [text]
    try:
        parts.append(json.dumps(json.loads(text), ensure_ascii=False))
        parts += _strings(json.loads(text))
    except ValueError:
        pass
    return "\n".join(parts).casefold()


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [s for pair in value.items() for part in pair for s in _strings(part)]
    return [s for part in value for s in _strings(part)] if isinstance(value, list) else []


def _named(text: str, identifiers: dict[str, str]) -> Iterator[Leak]:
    forms: dict[str, tuple[str, str, str]] = {}
    for value, name in identifiers.items():
        forms[value.casefold()] = (name, "as it is", value)
        raw = value.encode("utf-8", "surrogatepass")
        if len(raw) >= LEAST + 3:  # the last characters of base64 depend on what follows
            forms[base64.b64encode(raw).decode().rstrip("=")[:-1].casefold()] = (name, "in base64", value)
            forms[raw.hex()] = (name, "in hexadecimal digits", value)
    by_length: dict[int, set[str]] = {}
    for form in forms:
        by_length.setdefault(len(form), set()).add(form)
    for length, wanted in by_length.items():
        if length > len(text):
            continue
        standing = wanted.intersection(text[i : i + length] for i in range(len(text) - length + 1))
        for form in sorted(standing):
            if length >= _BOUNDED or re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text):
                yield Leak(*forms[form])


def _hashed(text: str, identifiers: dict[str, str]) -> Iterator[Leak]:
    digests = set(_HEX.findall(text))
    beginnings = {digest[:16] for digest in digests}
    if not digests:
        return
    for value, name in identifiers.items():
        for kind in _HASHES:
            digest = hashlib.new(kind, value.encode("utf-8", "surrogatepass")).hexdigest()
            if digest[:16] in beginnings:
                yield Leak(name, f"as its {kind}", value)


def _quoted(text: str, texts: Iterable[str]) -> Iterator[Leak]:
    said = _WORD.findall(text)
    words, spans = set(said), set(zip(*(said[i:] for i in range(SPAN)), strict=False))
    for secret in texts:
        for part in _contents(secret) or (secret,):
            run: list[str] = []
            for word in _WORD.findall(part.casefold()):
                run = [*run[1 - SPAN :], word] if word in words else []
                if len(run) == SPAN and tuple(run) in spans:
                    yield Leak("eight words of a text", "as they are", " ".join(run))
                    run = []


def _contents(secret: str) -> list[str]:
    """What stands in a JSON text, its escapes undone."""
    try:
        return _strings(msgspec.json.decode(secret)) if secret[:1] in "[{" else []
    except (msgspec.DecodeError, RecursionError):
        return []


def main() -> None:
    """Bulletins on every campaign of a run over a world of real texts, held against all that the world holds."""
    world = SHARED / "dev-mixed"
    if not world.exists():
        raise SystemExit(f"{world}: not here, so nothing was measured")
    log, customers = open_log([str(world / "exchanges.parquet")]), read_customers(world / "accounts.parquet")
    terms = Terms(
        producer=producer_of("Example AI"), tlp="amber", now=dt.datetime.now(dt.UTC), k=2, key=SharingKey(b"k" * 32)
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        report = scan(log=log, customers=customers, out=run, settings=Settings(), progress=Silent())
        secrets = secrets_of(pa.Table.from_batches(log.batches()), customers)
        print(f"{len(secrets.identifiers):,} identifiers and {len(secrets.texts):,} texts")
        outputs: dict[str, bytes] = {}
        for campaign in report.campaigns:
            if campaign.verdict == "campaign":
                prepared = prepare(run, campaign.campaign_id, terms, log=log, customers=customers)
                told = dict(written((prepared.bulletin,), SHARE_FORMATS, lambda name: print(f"  {name}: not here")))
                told["preview"] = "\n".join(preview(*prepared)).encode()
                outputs |= {f"{campaign.campaign_id} {name}": output for name, output in told.items()}
        found = leaking(outputs, secrets)
        for name, output in outputs.items():
            print(f"{name}: {len(output):,} bytes, {len(found.get(name, ()))} leaks")


if __name__ == "__main__":
    main()
