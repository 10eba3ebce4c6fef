"""MISP exports of strangers: what means something here is read, and nothing that they write does harm."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES, MOST_OBJECTS
from stillwatch.sharing.formats.misp import FORMAT
from stillwatch.sharing.formats.misp_templates import CAMPAIGN, INDICATOR
from tests.sharing.misp_events import EXAMPLE, changed, document, event_of, objects_of


def test_what_was_deleted_in_misp_is_taken_back() -> None:
    event = event_of(EXAMPLE)
    objects_of(event, CAMPAIGN)[0]["deleted"] = "1"
    (read,) = FORMAT.decode(json.dumps({"Event": event}).encode()).bulletins
    assert read == changed(EXAMPLE, revoked=True)


THEIRS = {
    "info": "Scanners of model APIs",
    "uuid": "5f0b5e0e-3d0c-4e9e-9d52-0a0a0a0a0a0a",
    "threat_level_id": "2",
    "Attribute": [
        {"type": "AS", "value": "AS64511", "uuid": "11111111-1111-4111-8111-111111111111"},
        {"type": "AS", "value": 64510},
        {"type": "ip-src", "value": "198.51.100.7"},
        {"type": "ip-dst", "value": "198.51.100.0/24"},
        {"type": "ip-dst|port", "value": "2001:db8::1|443"},
        {"type": "domain|ip", "value": "example.org|203.0.113.9"},
        {"type": "ip-src", "value": "198.51.100.9", "deleted": True},
        {"type": "text", "value": "t13d1516h2_8daaf6152771_b186095e22b6"},
        {"type": "md5", "value": "d41d8cd98f00b204e9800998ecf8427e"},
        {"type": "ip-src", "value": "10.0.0.1"},
        {"type": "ip-src", "value": "0.0.0.0/0"},
        {"type": "AS", "value": "four"},
        {"type": "AS", "value": 64500.0},
        {"value": "no type"},
    ],
    "Object": [
        {
            "name": "ja4-plus",
            "Attribute": [
                {
                    "type": "text",
                    "object_relation": "ja4-fingerprint",
                    "value": "t13d1516h2_8daaf6152771_b186095e22b6",
                },
                {"type": "text", "object_relation": "ja4-type", "value": "JA4"},
            ],
        },
        {
            "name": "ja4-plus",
            "Attribute": [{"type": "text", "object_relation": "ja4-fingerprint", "value": "t130200_1301_234ea6891581"}],
        },
        {"name": "asn", "Attribute": [{"type": "AS", "object_relation": "asn", "value": "1.10"}]},
        {"name": "file", "Attribute": [{"type": "filename", "object_relation": "filename", "value": "a"}]},
    ],
}


@pytest.mark.parametrize(
    "wrapped",
    [
        {"Event": THEIRS},
        {"response": [{"Event": THEIRS}]},
        {"response": {"Event": THEIRS}},
        [{"Event": THEIRS}],
        [THEIRS],
        THEIRS,
    ],
)
def test_an_export_of_others_gives_the_indicators_that_mean_something_here(wrapped: object) -> None:
    exported = json.dumps(wrapped).encode()
    read = FORMAT.decode(exported)
    assert read.bulletins == ()
    assert {(f.kind, f.value) for f in read.foreign} == {
        ("asn", "64511"),
        ("asn", "64510"),
        ("asn", "65546"),
        ("address", "198.51.100.7"),
        ("address", "2001:db8::1"),
        ("address", "203.0.113.9"),
        ("network range", "198.51.100.0/24"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6"),
    }
    assert {f.source for f in read.foreign if f.value == "64511"} == {"11111111-1111-4111-8111-111111111111"}
    assert {f.valid_until for f in read.foreign} == {None}
    assert (read.seen["event"], read.seen["attribute md5"], read.seen["object file"], read.seen["deleted"]) == (1,) * 4
    reasons = " ".join(reject.reason for reject in read.rejected)
    assert len(read.rejected) == 5
    for why in ("public internet", "wider than /8", "no AS number", "no attribute"):
        assert why in reasons
    assert isinstance(wrapped, list) or FORMAT.recognises(exported)


def test_what_others_add_to_our_event_is_theirs() -> None:
    event = event_of(EXAMPLE)
    event["Attribute"] = [{"type": "AS", "value": "64500"}, {"type": "AS", "value": "64999"}]
    read = FORMAT.decode(json.dumps({"Event": event}).encode())
    assert read.bulletins == (EXAMPLE,)
    assert [(f.kind, f.value) for f in read.foreign] == [("asn", "64999")]


def test_indicators_of_our_template_without_a_campaign_are_theirs_and_expire() -> None:
    event = event_of(EXAMPLE)
    event["Object"] = [item for item in event["Object"] if item["name"] == INDICATOR]
    read = FORMAT.decode(json.dumps({"Event": event}).encode())
    assert [(f.kind, f.value, f.valid_until) for f in read.foreign] == [
        ("asn", "64500", dt.date(2026, 12, 1)),
        ("asn", "64501", dt.date(2026, 12, 1)),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6", dt.date(2026, 12, 1)),
    ]


@pytest.mark.parametrize(
    "tampered",
    ["", "{}", "[", "{" * 5000, '{"version":2}', "1/2:{.", "0/0:.", json.dumps({"prompt": "x"})],
)
def test_of_an_event_whose_bulletin_is_broken_nothing_is_used(tampered: str) -> None:
    event = event_of(EXAMPLE)
    for attribute in objects_of(event, CAMPAIGN)[0]["Attribute"]:
        if attribute["object_relation"] == "bulletin":
            attribute["value"] = tampered
    read = FORMAT.decode(json.dumps({"response": [{"Event": event}, {"Event": THEIRS}]}).encode())
    assert read.bulletins == ()
    assert "64500" not in {f.value for f in read.foreign}
    assert "its bulletin cannot be read" in read.rejected[0].reason


def test_one_broken_event_among_others_is_set_aside() -> None:
    read = FORMAT.decode(json.dumps([{"Event": {"info": 5}}, {"Event": event_of(EXAMPLE)}, {}]).encode())
    assert read.bulletins == (EXAMPLE,)
    assert [reject.where for reject in read.rejected] == ["event 1", "event 3"]


AS_ONE = b'{"type":"AS","value":"1"}'


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"{",
        b"{}",
        b"5",
        b"null",
        b"\xff\xfe",
        b'{"Event":{"info":"\xff"}}',
        b'{"Event":5}',
        b'{"Event":{"info":5}}',
        b'{"response":5}',
        b'{"response":[1,2]}',
        b'{"Event":{"info":"x","Attribute":{}}}',
        b'{"Event":{"info":"x","Attribute":[1]}}',
        b'{"type":"bundle","objects":[]}',
        b"[" * 1_000_000,
        b'{"Event":' * 1_000_000,
        b'{"Event":{"info":"x","Attribute":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}}",
        b'{"Event":{"info":"x","Attribute":[' + b",".join([AS_ONE] * 1_000_000) + b"]}}",
        b'{"Event":{"info":"x","Attribute":[' + b",".join([AS_ONE] * (MOST_OBJECTS + 1)) + b"]}}",
        b'{"response":[' + b",".join([b"{}"] * (MOST_OBJECTS + 1)) + b"]}",
        b'{"Event":{"info":"x","Attribute":[' + b"1," * 3_000_000 + b"1]}}",
        b" " * (MOST_BYTES + 1),
    ],
    ids=lambda document: repr(document[:40]),
)
def test_a_hostile_document_is_refused_with_one_line(hostile: bytes) -> None:
    with pytest.raises(InputError) as refused:
        FORMAT.decode(hostile)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


def test_what_strangers_call_things_is_shown_without_tricks_and_not_at_length() -> None:
    evil = "\x1b[2J\u202e" + "A" * 10_000
    attributes = [{"type": evil, "value": evil}, {"type": "AS", "value": evil, "uuid": evil}, {"type": 5, evil: evil}]
    many = [{"type": f"type {number}", "value": "1"} for number in range(5000)]
    broken = [{"type": "AS", "value": "x"}] * 5000
    read = FORMAT.decode(document(attributes=attributes + many + broken, objects=[{"name": evil, "Attribute": []}]))
    assert len(read.seen) < 300
    assert sum(count for name, count in read.seen.items() if name.startswith("attribute")) == 10_002
    assert len(read.rejected) <= 1001
    assert read.rejected[-1].reason == "4002 more were set aside"
    for text in (*read.seen, *(part for reject in read.rejected for part in reject)):
        assert text.isprintable()
        assert len(text) <= 200


def test_only_misp_is_recognised() -> None:
    for other in (
        b'{"stillwatch_bulletins":1,"bulletins":[]}',
        b'{"type":"bundle","id":"bundle--1","objects":[]}',
        b"title: a\nlogsource: {}\ndetection: {}\n",
        b"",
        b"[]",
        b"\xff\x00",
    ):
        assert not FORMAT.recognises(other)
    assert FORMAT.recognises(FORMAT.encode(()))
    assert FORMAT.decode(FORMAT.encode(())).bulletins == ()
