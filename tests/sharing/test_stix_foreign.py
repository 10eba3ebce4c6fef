"""Others' bundles: what means something here is taken, the rest counted; what is hostile is refused in one line."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, ForeignIndicator
from stillwatch.sharing.formats.stix import FORMAT
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION
from tests.sharing.bulletins import example_bulletin
from tests.sharing.foreign_bundles import (
    a_bundle,
    a_million_relationships,
    a_relation,
    an_indicator,
    an_object,
    identifier,
    like_atlas,
    like_misp,
    like_stix_2_0,
)

ADDRESS = "[ipv4-addr:value = '198.51.100.7']"
Json = dict[str, Any]


def own_document(change: Callable[[Json], object]) -> bytes:
    """Our own bundle, with its campaign changed."""
    document = json.loads(FORMAT.encode((example_bulletin(),)))
    change(next(one for one in document["objects"] if one["type"] == "campaign"))
    return json.dumps(document).encode()


def test_a_bundle_like_that_of_mitre_atlas_is_read_whole() -> None:
    document = like_atlas()
    assert FORMAT.recognises(document[:65536])
    found = FORMAT.decode(document)
    assert (found.bulletins, found.foreign) == ((), ())
    assert found.seen == {
        "attack-pattern": 170,
        "course-of-action": 35,
        "relationship": 315,
        "x-mitre-collection": 1,
        "x-mitre-matrix": 1,
        "x-mitre-tactic": 16,
    }
    assert len(found.rejected) == 34
    assert {reject.reason for reject in found.rejected} == {"the bundle says something else under its id too"}


def test_a_misp_export_gives_its_networks_and_addresses() -> None:
    found = FORMAT.decode(like_misp())
    assert [(one.kind, one.value) for one in found.foreign] == [
        ("asn", "64500"),
        ("asn", "64501"),
        ("address", "198.51.100.7"),
    ]
    assert found.seen["indicator"] == 7
    assert found.seen["ipv4-addr"] == 1
    assert found.rejected == ()


def test_stix_2_0_is_read_too() -> None:
    found = FORMAT.decode(like_stix_2_0())
    assert found.foreign == (ForeignIndicator("address", "198.51.100.7", identifier("indicator", 0), None),)


def test_an_indicator_ends_on_its_day_and_a_revoked_one_is_none() -> None:
    found = FORMAT.decode(
        a_bundle(
            an_indicator(0, ADDRESS, valid_until="2026-12-01T01:00:00+02:00"),
            an_indicator(1, ADDRESS, revoked=True),
            an_indicator(2, ADDRESS, pattern_type="sigma"),
        )
    )
    assert [one.valid_until for one in found.foreign] == [dt.date(2026, 11, 30)]
    assert found.seen == {"indicator": 3}


def test_what_is_broken_is_set_aside_and_the_rest_is_read() -> None:
    hostile_name = "\x1b[2J\u202egnp.exe"
    found = FORMAT.decode(
        a_bundle(
            an_indicator(0, ADDRESS, name=hostile_name),
            an_indicator(1, "[ipv4-addr:value = '\x1b[2J']"),
            an_indicator(2, 5),
            an_indicator(3, ADDRESS, valid_until="tomorrow"),
            {"id": identifier("campaign", 0)},
            {"type": "campaign", "id": hostile_name},
            {"type": "campaign", "id": identifier("indicator", 9)},
            {"type": hostile_name, "id": f"{hostile_name}--1"},
            an_object("campaign", 1, name=hostile_name, extensions={hostile_name: {}}),
        )
    )
    assert [one.value for one in found.foreign] == ["198.51.100.7"]
    assert found.seen == {"campaign": 1, "indicator": 4, "unreadable": 4}
    assert [reject.where for reject in found.rejected] == [
        *(identifier("indicator", number) for number in (1, 2, 3)),
        *(f"object {number}" for number in (5, 6, 7, 8)),
    ]
    assert all(reject.reason.isprintable() for reject in found.rejected)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda campaign: campaign["extensions"][EXTENSION].update(prompt="x"), "unknown field `prompt`"),
        (lambda campaign: campaign["extensions"][EXTENSION].update({"\x1b[2J": 1}), r"unknown field `\?\[2J`"),
        (lambda campaign: campaign["extensions"][EXTENSION].update(id="x"), "says id"),
        (lambda campaign: campaign["extensions"][EXTENSION].update(k=1), "has no k"),
        (lambda campaign: campaign["extensions"][EXTENSION].update(least_accounts=1), ">= 2"),
        (lambda campaign: campaign["extensions"][EXTENSION].update(version=2), "<= 1"),
        (lambda campaign: campaign["extensions"][EXTENSION].update(campaign=[]), "has no campaign"),
        (lambda campaign: campaign["extensions"][EXTENSION].pop("producer"), "has no producer"),
        (lambda campaign: campaign["extensions"][EXTENSION].pop("extension_type"), "another kind"),
        (lambda campaign: campaign["extensions"].update({EXTENSION: []}), "Expected `object`"),
        (lambda campaign: campaign.update(object_marking_refs=[]), "one marking of TLP"),
        (lambda campaign: campaign.update(object_marking_refs=campaign["object_marking_refs"] * 2), "one marking"),
        (lambda campaign: campaign.update(created_by_ref="nobody"), "names no identity"),
        (lambda campaign: campaign.update(last_seen="2020-01-01T00:00:00Z"), "ends before it begins"),
        (lambda campaign: campaign.update(modified="2020-01-01T00:00:00Z"), "before it is created"),
        (lambda campaign: campaign.update(created="2020-01-01T00:00:00"), "timezone"),
        (lambda campaign: campaign.pop("first_seen"), "first_seen"),
    ],
)
def test_a_bulletin_is_read_whole_or_not_at_all(change: Callable[[Json], object], why: str) -> None:
    found = FORMAT.decode(own_document(change))
    assert (found.bulletins, found.foreign) == ((), ())
    (reject,) = found.rejected
    assert reject.where == f"campaign--{example_bulletin().id}"
    with pytest.raises(ValueError, match=why):
        raise ValueError(reject.reason)


def test_an_edited_copy_beside_the_original_is_refused() -> None:
    document = json.loads(FORMAT.encode((example_bulletin(),)))
    campaign = next(one for one in document["objects"] if one["type"] == "campaign")
    document["objects"].append({**campaign, "last_seen": "2026-12-31T00:00:00Z"})
    with pytest.raises(InputError, match="two different things"):
        FORMAT.decode(json.dumps(document).encode())


def circle(kind: str, length: int) -> bytes:
    return a_bundle(*(a_relation(n, kind, f"malware--{n}", f"malware--{(n + 1) % length}") for n in range(length)))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a million relationships": (lambda: a_million_relationships(least=False), "larger than 32 MiB"),
    "a million short ones": (lambda: a_million_relationships(least=True), "more than 50000 objects can"),
    "one object too many": (lambda: a_bundle(*({"a": 1} for _ in range(MOST_OBJECTS + 1))), "more than 50000 objects"),
    "numbers for objects": (lambda: a_bundle(*range(1000)), r"Expected `object`, got `int` - at `\$.objects"),
    "no list of objects": (lambda: b'{"type":"bundle","objects":{}}', "Expected `array`"),
    "no type": (lambda: b'{"objects":[]}', "required field `type`"),
    "another type": (lambda: b'{"type":"\\u001b[2J","objects":[]}', "Invalid enum value"),
    "a number of a million digits": (
        lambda: b'{"type":"bundle","objects":[' + b"9" * 1_000_000 + b"]}",
        "out of range",
    ),
    "no number": (lambda: b'{"type":"bundle","x":NaN,"objects":[]}', "malformed"),
    "no UTF-8": (lambda: b'{"type":"bundle","x":"\xff","objects":[]}', "no UTF-8"),
    "cut short": (lambda: like_misp()[:-10], "truncated"),
    "nested": (lambda: b'{"type":"bundle","objects":[{"a":' + b"[" * 9000 + b"]" * 9000 + b"}]}", "nested too deeply"),
    "a circle of descent": (lambda: circle("derived-from", 2000), "in a circle"),
    "its own descendant": (lambda: circle("subtechnique-of", 1), "in a circle"),
    "a marking that marks itself": (
        lambda: a_bundle(an_object("marking-definition", 0, object_marking_refs=[identifier("marking-definition", 0)])),
        "in a circle",
    ),
    "two indicators under one id": (
        lambda: a_bundle(an_indicator(0, ADDRESS), an_indicator(0, "[a:b = 1]")),
        "two diff",
    ),
    "ten megabytes of brackets": (lambda: a_bundle(an_indicator(0, "[" + "(" * 10_000_000)), "pattern of more than"),
    "a hundred long patterns": (
        lambda: a_bundle(*(an_indicator(n, "(" * 200_000) for n in range(100))),
        "more than 8 MiB of patterns",
    ),
    "a hundred thousand networks": (
        lambda: a_bundle(
            *(
                an_indicator(n, f"[autonomous-system:number IN ({','.join(map(str, range(n, n + 900)))})]")
                for n in range(1, 54_001, 900)
            )
        ),
        "more than 50000 indicators",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_bundle_is_refused_in_one_line(what: str) -> None:
    made, why = HOSTILE[what]
    with pytest.raises(InputError, match=why) as refused:
        FORMAT.decode(made())
    assert str(refused.value).isprintable()


def test_things_that_may_go_in_circles_may() -> None:
    found = FORMAT.decode(circle("related-to", 3))
    assert found.seen == {"relationship": 3}
    assert found.rejected == ()


def test_only_so_much_is_set_aside_one_by_one() -> None:
    found = FORMAT.decode(a_bundle(*({"type": "x", "id": str(n)} for n in range(3000))))
    assert len(found.rejected) == 1001
    assert found.rejected[-1].reason == "and 2000 objects more"
    many_types = FORMAT.decode(a_bundle(*(an_object(f"x-type-{n}", n) for n in range(3000))))
    assert len(many_types.seen) <= 201
    assert sum(many_types.seen.values()) == 3000


BOUNDED = """
import resource, sys
from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES
from stillwatch.sharing.formats.stix import FORMAT
piece = sys.argv[1].encode()
document = b'{"type":"bundle","objects":[' + b",".join([piece] * ((MOST_BYTES - 60) // (len(piece) + 1))) + b"]}"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    FORMAT.decode(document)
except InputError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("piece", ["{}", "1", "[]", '{"type":"relationship","id":"r"}', '"' + "x" * 900 + '"'])
def test_a_full_sized_bomb_takes_no_more_memory_than_it_has_bytes(piece: str) -> None:
    done = subprocess.run([sys.executable, "-c", BOUNDED, piece], capture_output=True, text=True, check=True)
    refusal, grown = done.stdout.splitlines()
    assert "more than 50000 objects" in refusal or "Expected `object`" in refusal
    assert int(grown) <= 64
