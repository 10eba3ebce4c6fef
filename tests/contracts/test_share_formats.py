"""What every document format of bulletins promises. A new format is covered by its line in `SHARE_FORMATS`.

The strategies that make hostile documents (`broken`, `HOSTILE`) may be used by tests of one format too.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sharing import SHARE_FORMATS
from stillwatch.sharing.base import MOST_BYTES, Decoded, ShareFormat
from stillwatch.sharing.bulletin import Bulletin, Network, Tls
from tests.sharing.bulletins import bulletins, example_bulletin, many_bulletins

HEAD = 64 * 1024
unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large]
slowly = settings(max_examples=25, deadline=None, suppress_health_check=unhurried)


def is_there(name: str) -> bool:
    return importlib.util.find_spec(SHARE_FORMATS.targets()[name].partition(":")[0]) is not None


NAMES = [
    pytest.param(name, marks=() if is_there(name) else pytest.mark.skip(reason="its module is not there"))
    for name in SHARE_FORMATS.names()
]
each_format = pytest.mark.parametrize("name", NAMES)


def read(share_format: ShareFormat, document: bytes) -> Decoded | None:
    """What is in the document; None: it was refused, in one line that a terminal can show."""
    try:
        found = share_format.decode(document)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert refusal.isprintable()
    if refusal:
        return None
    assert all(reject.reason.isprintable() and reject.where.isprintable() for reject in found.rejected)
    assert all(kind.isprintable() and count > 0 for kind, count in found.seen.items())
    assert all(foreign.value.isprintable() and foreign.source.isprintable() for foreign in found.foreign)
    return found


def plain_indicators(told: tuple[Bulletin, ...]) -> set[tuple[str, str]]:
    """The networks and TLS fingerprints of bulletins that still hold."""
    held = [indicator for bulletin in told if not bulletin.revoked for indicator in bulletin.indicators]
    return {("asn", str(held_one.asn)) for held_one in held if isinstance(held_one, Network)} | {
        ("ja4", held_one.ja4) for held_one in held if isinstance(held_one, Tls)
    }


@st.composite
def broken(draw: Callable[..., Any], document: bytes) -> bytes:
    """A document with a few bytes changed, left out, doubled or replaced by others."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(document)))
        end = draw(st.integers(start, min(len(document), start + 200)))
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.just(document[start:end] * 2),
                st.sampled_from(
                    [b"null", b"[]", b"{}", b"-1", b"1e999", b'""', b"\x1b[2J", b"\\u202e", b"\xff", b"NaN"]
                ),
            )
        )
        document = document[:start] + put + document[end:]
    return document


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a zero byte": lambda: b"\x00",
    "no UTF-8": lambda: b'{"type":"bundle","id":"\xff\xfe","Event":"\xc3("}',
    "half a surrogate pair": lambda: b'{"type":"bundle","id":"\\ud800","Event":{"info":"\\ud800"}}',
    "a list ten million deep": lambda: b"[" * 10_000_000,
    "an object a million deep": lambda: b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000,
    "deep inside a bundle": lambda: b'{"type":"bundle","objects":[' + b'{"a":[' * 50_000 + b"]}" * 50_000 + b"]}",
    "deep inside an event": lambda: b'{"Event":' * 50_000 + b"1" + b"}" * 50_000,
    "not a number": lambda: b'{"type":"bundle","id":NaN,"stillwatch_bulletins":NaN}',
    "a number of a million digits": lambda: b'{"stillwatch_bulletins":' + b"9" * 1_000_000 + b"}",
    "a million empty objects": lambda: b'{"type":"bundle","objects":[' + b"{}," * 1_000_000 + b"{}]}",
    "a list of numbers": lambda: b'{"type":"bundle","objects":[1,2,3],"Event":[1,2,3],"bulletins":[1]}',
    "another type": lambda: b'{"type":["bundle"],"objects":{"type":"campaign"},"Event":"x","bulletins":{}}',
    "a terminal's escapes": lambda: b'{"type":"\x1b[2Jbundle","\\u001b[2J\\u202e":1}',
    "aliases of aliases": lambda: b"a: &a [x,x]\n" + b"".join(b"b%d: &b%d [*a,*a,*a]\n" % (n, n) for n in range(30)),
    "a formula": lambda: b'=HYPERLINK("http://x"),@SUM(1),+1,-1\r\n"',
    "a million lines": lambda: b"a,b\n" * 1_000_000,
    "one endless line": lambda: b'"' + b"a" * 10_000_000,
    "a program's object": lambda: b"!!python/object/apply:os.system ['true']\n",
}


@each_format
def test_it_says_what_it_is(name: str) -> None:
    info = SHARE_FORMATS.get(name).info
    assert info.name == name
    assert info.suffix.startswith(".")
    assert "/" in info.media_type
    assert all((info.summary, info.reference, info.version, info.shows))


@each_format
@given(told=many_bulletins())
@slowly
def test_what_was_written_is_read_again(name: str, told: tuple[Bulletin, ...]) -> None:
    share_format = SHARE_FORMATS.get(name)
    document = share_format.encode(told)
    assert share_format.recognises(document[:HEAD])
    found = share_format.decode(document)
    if share_format.info.lossless:
        assert found.bulletins == told
        assert found.rejected == ()
    else:
        values = {(foreign.kind, foreign.value) for foreign in found.foreign}
        assert plain_indicators(told) == {value for value in values if value[0] in ("asn", "ja4")}


@each_format
@given(told=many_bulletins(2))
@slowly
def test_the_same_bulletins_give_the_same_bytes(name: str, told: tuple[Bulletin, ...]) -> None:
    share_format = SHARE_FORMATS.get(name)
    document = share_format.encode(told)
    again = msgspec.json.decode(msgspec.json.encode(told), type=tuple[Bulletin, ...])
    assert share_format.encode(again) == document


@each_format
def test_no_bulletins_are_a_document_without_any(name: str) -> None:
    share_format = SHARE_FORMATS.get(name)
    document = share_format.encode(())
    assert share_format.recognises(document[:HEAD])
    found = share_format.decode(document)
    assert (found.bulletins, found.foreign, found.rejected) == ((), (), ())


@each_format
@given(told=bulletins())
@slowly
def test_it_recognises_its_own_and_no_other(name: str, told: Bulletin) -> None:
    share_format = SHARE_FORMATS.get(name)
    for document in (share_format.encode((told,)), share_format.encode(())):
        knowing = [other for other in SHARE_FORMATS.names() if is_there(other)]
        assert [other for other in knowing if SHARE_FORMATS.get(other).recognises(document[:HEAD])] == [name]


@each_format
@pytest.mark.parametrize("head", [b"", b"\x00", b"{", b"[", b"hello", b"\xff\xfe{\x00", b"{}", b"[]", b'{"a":1}'])
def test_it_recognises_nothing_else(name: str, head: bytes) -> None:
    assert not SHARE_FORMATS.get(name).recognises(head)


@each_format
def test_a_bulletin_that_was_taken_back_stays_so(name: str) -> None:
    share_format = SHARE_FORMATS.get(name)
    told = example_bulletin()
    later = msgspec.structs.replace(told, revoked=True, modified=told.modified + dt.timedelta(days=1))
    found = share_format.decode(share_format.encode((later,)))
    assert [bulletin.revoked for bulletin in found.bulletins] == ([True] if share_format.info.lossless else [])
    assert found.foreign == ()


@each_format
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_document_is_refused_or_holds_nothing(name: str, what: str) -> None:
    found = read(SHARE_FORMATS.get(name), HOSTILE[what]())
    assert found is None or (found.bulletins, found.foreign) == ((), ())


@each_format
def test_a_document_that_is_too_large_is_refused_unread(name: str) -> None:
    share_format = SHARE_FORMATS.get(name)
    document = share_format.encode((example_bulletin(),))
    with pytest.raises(InputError, match="MiB"):
        share_format.decode(document + b" " * (MOST_BYTES - len(document) + 1))


@each_format
@given(document=st.binary(max_size=200))
@slowly
def test_any_bytes_are_refused_or_read(name: str, document: bytes) -> None:
    found = read(SHARE_FORMATS.get(name), document)
    assert found is None or found.bulletins == ()


@each_format
@given(data=st.data())
@slowly
def test_a_broken_document_is_refused_or_read_and_nothing_else_happens(name: str, data: st.DataObject) -> None:
    share_format = SHARE_FORMATS.get(name)
    document = share_format.encode((example_bulletin(),))
    found = read(share_format, data.draw(broken(document)))
    for bulletin in found.bulletins if found else ():
        assert msgspec.json.decode(msgspec.json.encode(bulletin), type=Bulletin) == bulletin
