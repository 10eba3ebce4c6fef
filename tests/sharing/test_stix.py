"""A bulletin as STIX 2.1: valid to OASIS's validator, lossless, and no accusation without its doubts."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import socket
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
import stix2
from hypothesis import HealthCheck, given, settings
from stix2patterns.validator import validate as is_pattern
from stix2validator import ValidationOptions, validate_parsed_json

from stillwatch.errors import InputError
from stillwatch.sharing.atlas import techniques_of
from stillwatch.sharing.bulletin import Bulletin, ErrorRate, Producer, Range, ResponseName, TechniqueName, Tlp
from stillwatch.sharing.formats.stix import FORMAT
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION, SCHEMA_FILE, schema
from stillwatch.sharing.formats.stix_parts.fixed import (
    TLP_MARKINGS,
    atlas_object,
    course_of_action,
    definition,
    tlp_marking,
)
from stillwatch.sharing.formats.stix_parts.patterns import found_in
from tests.sharing.bulletins import bulletins, example_bulletin, many_bulletins

SCHEMAS = files("stillwatch.sharing") / "schemas"
KNOWN_WARNINGS = "103,302"
"""103: ids are of UUID version 5, which the specification allows, since the same bulletin must give the same ids.
302: links to MITRE ATLAS have no hash, since its pages change."""
PRODUCERS_OWN = {
    "campaign", "indicator", "infrastructure", "intrusion-set", "note", "observed-data", "sighting",
}  # fmt: skip
slowly = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
change = msgspec.structs.replace


def objects_of(*told: Bulletin) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads(FORMAT.encode(told)).get("objects", [])
    return objects


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (one for one in objects if one["type"] == kind)
    return found


def refusals(document: bytes) -> list[str]:
    """What OASIS's validator says against a bundle: errors, and what the specification says should not be."""
    options = ValidationOptions(
        version="2.1",
        strict=True,
        strict_properties=True,
        enforce_refs=True,
        disabled=KNOWN_WARNINGS,
        schema_dir=str(SCHEMAS),
        silent=True,
    )
    result = validate_parsed_json(json.loads(document), options)
    return [str(error) for error in [*result.errors, *getattr(result, "warnings", [])]]


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("something wants to use the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.usefixtures("_offline")
@given(told=many_bulletins(2))
@slowly
def test_every_object_is_valid_stix_to_oasis_validator(told: tuple[Bulletin, ...]) -> None:
    assert refusals(FORMAT.encode(told)) == []


@pytest.mark.usefixtures("_offline")
def test_the_validator_would_have_told() -> None:
    document = json.loads(FORMAT.encode((example_bulletin(),)))
    campaign = only(document["objects"], "campaign")
    campaign["extensions"][EXTENSION]["prompt"] = "what a customer asked"
    assert any(EXTENSION in refusal for refusal in refusals(json.dumps(document).encode()))
    del campaign["extensions"][EXTENSION]["prompt"]
    assert refusals(json.dumps(document).encode()) == []
    campaign["modified"] = "2020-01-01T00:00:00Z"
    assert any("modified" in refusal for refusal in refusals(json.dumps(document).encode()))


def test_the_published_schema_is_that_of_the_types() -> None:
    published = json.loads((SCHEMAS / SCHEMA_FILE).read_text("utf-8"))
    assert published == schema(), "run `make docs`"
    jsonschema.Draft202012Validator.check_schema(published)


@given(told=bulletins())
@slowly
def test_the_published_schema_describes_what_is_written(told: Bulletin) -> None:
    published = jsonschema.Draft202012Validator(schema())
    carrying = [one for one in objects_of(told) if EXTENSION in one.get("extensions", {})]
    assert [one["type"] for one in carrying].count("campaign") == 1
    for one in carrying:
        published.validate(one)


@given(told=bulletins())
@slowly
def test_oasis_library_reads_it(told: Bulletin) -> None:
    read = stix2.parse(FORMAT.encode((told,)).decode(), allow_custom=True)
    assert {one["type"] for one in read["objects"]} >= {"campaign", "note", "intrusion-set", "extension-definition"}


@given(told=bulletins())
@slowly
def test_every_pattern_is_valid_and_counts_its_indicator(told: Bulletin) -> None:
    written = [one for one in objects_of(told) if one["type"] == "indicator"]
    assert len(written) == len(told.indicators)
    for one, meant in zip(written, told.indicators, strict=True):
        assert is_pattern(one["pattern"], stix_version="2.1")
        assert one["valid_from"][:10] == meant.valid_from.isoformat()
        assert one["valid_until"] == f"{meant.valid_until.isoformat()}T23:59:59Z"


def test_networks_and_ja4_are_read_by_whoever_reads_patterns() -> None:
    patterns = [one["pattern"] for one in objects_of(example_bulletin()) if one["type"] == "indicator"]
    assert [tuple(value) for pattern in patterns for value in found_in(pattern)] == [
        ("asn", "64500"),
        ("asn", "64501"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6"),
    ]


def test_no_accusation_without_its_error_rate_and_what_it_beat() -> None:
    objects = objects_of(example_bulletin())
    note, campaign, operator = (only(objects, kind) for kind in ("note", "campaign", "intrusion-set"))
    assert note["object_refs"] == [campaign["id"], operator["id"]]
    for text in (note["content"], campaign["description"]):
        assert "At most 2 % of the accounts accused" in text
        assert "A class with the same assignments" in text
        assert "Not to be used after 2027-03-01" in text
    unmeasured = change(example_bulletin().campaign, error_rate=ErrorRate(level=0.0, innocent=0.0, draws=0), rivals=())
    objects = objects_of(change(example_bulletin(), campaign=unmeasured))
    assert "No error rate was measured" in only(objects, "note")["content"]
    assert "No innocent explanation" in only(objects, "note")["content"]
    assert not any("confidence" in one for one in objects)


def test_nobody_is_named() -> None:
    objects = objects_of(example_bulletin())
    operator = only(objects, "intrusion-set")
    assert operator["name"] == "operator, unnamed"
    assert not {"threat-actor", "location", "ipv4-addr", "ipv6-addr", "user-account", "email-addr"} & {
        one["type"] for one in objects
    }
    assert not {"goals", "aliases", "resource_level", "primary_motivation"} & operator.keys()


def test_atlas_is_named_by_its_own_ids() -> None:
    objects = objects_of(example_bulletin())
    patterns = {one["id"]: one for one in objects if one["type"] == "attack-pattern"}
    assert set(patterns) == {known.stix_id for known in techniques_of(["rubric_grading", "jailbreak"])}
    assert patterns["attack-pattern--3f567912-629a-5e0b-ab0c-0102977c2d6c"]["external_references"] == [
        {
            "source_name": "mitre-atlas",
            "url": "https://atlas.mitre.org/techniques/AML.T0024.002",
            "external_id": "AML.T0024.002",
        }
    ]
    assert all(one["created"] == one["modified"] for one in patterns.values()), "ATLAS's own versions are later"
    (reference,) = only(objects, "campaign")["external_references"]
    assert reference["external_id"] == "AML.CS0056"
    uses = {one["target_ref"] for one in objects if one.get("relationship_type") == "uses"}
    assert uses >= set(patterns)


def test_responses_tell_their_outcome_and_belong_to_atlas_mitigations() -> None:
    objects = objects_of(example_bulletin())
    named = {one["id"]: one["name"] for one in objects if one["type"] == "course-of-action"}
    assert sorted(named.values()) == [
        "Control Access to AI Models and Data in Production",
        "Restrict Number of AI Model Queries",
        "Slow down",
        "Suspend",
    ]
    campaign = only(objects, "campaign")["id"]
    told = {one["description"] for one in objects if one.get("target_ref") == campaign and one["source_ref"] in named}
    assert told == {"Outcome: worked in part. The campaign was back after 3 days.", "Outcome: not known yet."}


@pytest.mark.parametrize("level", get_args(Tlp))
def test_every_object_of_the_bulletin_bears_its_marking(level: Tlp) -> None:
    objects = objects_of(change(example_bulletin(), tlp=level))
    own = [one for one in objects if one["type"] in PRODUCERS_OWN]
    assert {tuple(one["object_marking_refs"]) for one in own} == {(TLP_MARKINGS[level],)}
    (marking,) = (one for one in objects if one["id"] == TLP_MARKINGS[level])
    assert [value["tlp_2_0"] for value in marking["extensions"].values()] == [level]


def test_counts_are_the_lower_ends_of_their_ranges() -> None:
    objects = objects_of(example_bulletin())
    assert only(objects, "observed-data")["number_observed"] == 50_000
    assert only(objects, "sighting")["count"] == 50
    most = change(example_bulletin().campaign, accounts=Range(low=2**40, high=None), taken=Range(low=0, high=9))
    objects = objects_of(change(example_bulletin(), campaign=most))
    assert only(objects, "sighting")["count"] == 999_999_999  # more STIX does not allow
    assert only(objects, "observed-data")["number_observed"] == 1


def test_taking_back_takes_everything_back() -> None:
    told = example_bulletin()
    later = change(told, revoked=True, modified=told.modified + dt.timedelta(hours=1))
    before, after = objects_of(told), objects_of(later)
    assert not any(one.get("revoked") for one in before)
    own = {one["id"] for one in before if one["type"] in PRODUCERS_OWN}
    assert {one["id"] for one in after if one.get("revoked")} >= own
    assert "Taken back" in only(after, "note")["content"]
    assert FORMAT.decode(FORMAT.encode((told, later))).bulletins == (told, later)


def test_a_version_that_only_stix_says_is_revoked_counts_as_taken_back() -> None:
    document = json.loads(FORMAT.encode((example_bulletin(),)))
    campaign = only(document["objects"], "campaign")
    campaign |= {"revoked": True, "modified": "2026-10-01T00:00:00Z"}
    (found,) = FORMAT.decode(json.dumps(document).encode()).bulletins
    assert found.revoked
    assert found.modified == dt.datetime(2026, 10, 1, tzinfo=dt.UTC)


def test_bulletins_of_one_producer_share_its_identity_under_its_latest_name() -> None:
    told = example_bulletin()
    other = change(
        told,
        id="7f1c2a34-8d0e-4a5b-9c1d-2e3f4a5b6c7d",
        modified=told.modified + dt.timedelta(days=1),
        producer=Producer(identity=told.producer.identity, name="Example Models Ltd."),
    )
    named = [one for one in objects_of(told, other) if one["id"] == f"identity--{told.producer.identity}"]
    assert [one["name"] for one in named] == ["Example Models Ltd."]
    assert FORMAT.decode(FORMAT.encode((told, other))).bulletins == (told, other)


def test_two_versions_of_one_time_are_refused_and_one_told_twice_is_told_once() -> None:
    told = example_bulletin()
    assert FORMAT.encode((told, told)) == FORMAT.encode((told,))
    with pytest.raises(InputError, match="of the same time differ"):
        FORMAT.encode((told, change(told, k=11)))


def test_what_is_the_same_for_all_changes_only_with_its_date() -> None:
    """One id and one date must mean one content: whoever changes these texts sets `fixed.PUBLISHED` (and ATLAS's and
    OASIS's objects never change), then the digest here."""
    fixed = [
        *definition(),
        *(tlp_marking(level) for level in get_args(Tlp)),
        *(atlas_object(known) for known in techniques_of(get_args(TechniqueName))),
        *(one for name in get_args(ResponseName) for one in course_of_action(name)),
    ]
    text = "\n".join(one.serialize() for one in fixed)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "4747532b2ed1ab08"


def test_the_package_brings_the_schema() -> None:
    assert Path(str(SCHEMAS / SCHEMA_FILE)).is_file()
