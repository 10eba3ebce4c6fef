"""MISP: what is written loads in PyMISP and comes back whole, with its doubts."""

from __future__ import annotations

import json
import logging
import time
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from pymisp import MISPEvent, MISPObject

from stillwatch.errors import InputError
from stillwatch.sharing.bulletin import Bulletin, ErrorRate, Network
from stillwatch.sharing.formats.misp import FORMAT
from stillwatch.sharing.formats.misp_templates import CAMPAIGN, INDICATOR, TEMPLATES
from stillwatch.sharing.formats.misp_writing import LONGEST_VALUE
from tests.sharing.bulletins import bulletins, many_bulletins
from tests.sharing.misp_events import EXAMPLE, attributes_of, changed, event_of, objects_of, value_of


@settings(deadline=None, max_examples=40)
@given(many_bulletins())
def test_any_bulletins_come_back_as_they_were_and_always_as_the_same_bytes(some: tuple[Bulletin, ...]) -> None:
    written = FORMAT.encode(some)
    assert written == FORMAT.encode(some)
    assert FORMAT.recognises(written[:65536])
    read = FORMAT.decode(written)
    assert (read.bulletins, read.foreign, read.rejected) == (some, (), ())


@settings(deadline=None, max_examples=40)
@given(bulletins())
def test_pymisp_loads_it_without_a_warning_and_what_pymisp_writes_is_still_the_bulletin(bulletin: Bulletin) -> None:
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append  # type: ignore[method-assign]
    logging.getLogger("pymisp").addHandler(handler)
    try:
        event = MISPEvent()
        event.load(FORMAT.encode((bulletin,)))
        again = MISPEvent()
        again.from_json(event.to_json())
    finally:
        logging.getLogger("pymisp").removeHandler(handler)
    assert said == []
    assert event.uuid == again.uuid == bulletin.id
    assert len(event.objects) == len(again.objects) >= 1 + len(bulletin.indicators)
    for text in (event.to_json(), again.to_json()):
        assert FORMAT.recognises(text.encode()[:65536])
        read = FORMAT.decode(text.encode())
        assert (read.bulletins, read.foreign, read.rejected) == ((bulletin,), (), ())


def test_the_same_bytes_in_every_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    here = FORMAT.encode((EXAMPLE,))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert FORMAT.encode((EXAMPLE,)) == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_event_keeps_misps_schema() -> None:
    schema = json.loads((files("pymisp") / "data/schema-lax.json").read_bytes())  # the strict one knows no objects
    for bulletin in (EXAMPLE, changed(EXAMPLE, revoked=True)):
        jsonschema.Draft4Validator(schema).validate({"Event": event_of(bulletin)})


@pytest.mark.slow
def test_nobody_is_given_events_that_nobody_reads() -> None:
    valid = {"valid_from": EXAMPLE.expires, "valid_until": EXAMPLE.expires, "members": 0.5, "others": 0.0}
    long = changed(EXAMPLE, indicators=tuple(Network(asn=number, **valid) for number in range(1, 2001)))
    with pytest.raises(InputError, match="write fewer bulletins"):
        FORMAT.encode((long,) * 20)


def test_every_object_fits_its_template() -> None:
    for item in event_of(EXAMPLE)["Object"]:
        own = {"misp_objects_template_custom": TEMPLATES[item["name"]]} if item["name"] in TEMPLATES else {}
        strict = MISPObject(item["name"], strict=True, **own)
        strict.from_dict(**item)
        strict.to_json(strict=True)
        assert {a["object_relation"] for a in item["Attribute"]} <= set(strict._definition["attributes"])


def test_the_templates_keep_the_rules_of_misp_objects() -> None:
    rules = json.loads((files("pymisp") / "data/misp-objects/schema_objects.json").read_bytes())
    for name, template in TEMPLATES.items():
        jsonschema.Draft7Validator(rules).validate(template)
        assert template["name"] == name
        needed = {*template.get("required", ()), *template.get("requiredOneOf", ())}
        assert needed <= set(template["attributes"])
        assert not (files("pymisp") / "data/misp-objects/objects" / name).is_dir(), "MISP has one of this name"


def test_no_accusation_without_its_error_rate_and_what_it_was_weighed_against() -> None:
    event = event_of(EXAMPLE)
    (campaign,) = objects_of(event, CAMPAIGN)
    assert value_of(campaign, "error-rate") == "0.02"
    assert value_of(campaign, "expected-innocent-share") == "0.01"
    beaten = {a["value"]: a["comment"] for a in campaign["Attribute"] if a["object_relation"] == "innocent-explanation"}
    assert beaten == {"class": "beaten by 9 nats", "shared_wording": "beaten by 3 nats"}
    (report,) = event["EventReport"]
    assert "At most 2 %" in report["content"]
    assert "500 groups of innocent accounts" in report["content"]
    assert "A class with the same assignments (by 9 nats)" in report["content"]
    assert "after 2027-03-01" in report["content"]


def test_what_was_not_measured_is_said_and_gets_no_likelihood() -> None:
    facts = changed(EXAMPLE.campaign, error_rate=ErrorRate(level=0.0, innocent=0.0, draws=0), rivals=())
    event = event_of(changed(EXAMPLE, campaign=facts))
    assert not any("estimative" in tag["name"] for tag in event["Tag"])
    (report,) = event["EventReport"]
    assert "No error rate was measured" in report["content"]
    assert "No innocent explanation was weighed" in report["content"]
    (campaign,) = objects_of(event, CAMPAIGN)
    assert value_of(campaign, "innocent-explanation") == "none weighed"


@pytest.mark.parametrize(
    ("level", "draws", "word"),
    [(0.02, 500, "almost-certain"), (0.02, 9, "very-likely"), (0.3, 500, "likely"), (0.9, 500, "unlikely")],
)
def test_a_claim_is_called_no_likelier_than_its_error_rate_and_its_draws_allow(
    level: float, draws: int, word: str
) -> None:
    facts = changed(EXAMPLE.campaign, error_rate=ErrorRate(level=level, innocent=0.01, draws=draws))
    tags = {tag["name"] for tag in event_of(changed(EXAMPLE, campaign=facts))["Tag"]}
    assert f'estimative-language:likelihood-probability="{word}"' in tags


@pytest.mark.parametrize("tlp", ["clear", "green", "amber", "amber+strict", "red"])
def test_tlp_is_a_tag_and_nothing_but_clear_goes_to_everybody(tlp: Any) -> None:
    event = event_of(changed(EXAMPLE, tlp=tlp))
    assert [tag["name"] for tag in event["Tag"] if tag["name"].startswith("tlp:")] == [f"tlp:{tlp}"]
    assert (event["distribution"] == "3") == (tlp == "clear")
    assert event["published"] is False


def test_techniques_are_tagged_by_their_atlas_ids() -> None:
    tags = {tag["name"] for tag in event_of(EXAMPLE)["Tag"]}
    assert 'mitre-atlas:technique="AML.T0024.002"' in tags
    assert 'mitre-atlas:technique="AML.T0054"' in tags  # its jailbreaks
    assert 'misp-galaxy:mitre-atlas-attack-pattern="LLM Jailbreak"' in tags


@settings(deadline=None, max_examples=40)
@given(bulletins())
def test_nothing_that_other_accounts_show_too_is_for_detection(bulletin: Bulletin) -> None:
    event = event_of(bulletin)
    for item in event["Object"]:
        detects = [a for a in item["Attribute"] if a["to_ids"]]
        if item["name"] == INDICATOR and detects:
            assert float(value_of(item, "share-of-others")) == 0
            assert {a["object_relation"] for a in detects} <= {"asn", "ja4"}
        else:
            assert detects == []


def test_an_indicator_says_whom_it_touches_and_until_when() -> None:
    indicators = objects_of(event_of(EXAMPLE), INDICATOR)
    assert len(indicators) == len(EXAMPLE.indicators)
    second = indicators[1]
    assert value_of(second, "asn") == "64501"
    assert value_of(second, "share-of-others") == "0.05"
    assert value_of(second, "valid-until").startswith("2026-12-01")
    (asn,) = (a for a in second["Attribute"] if a["object_relation"] == "asn")
    assert (asn["type"], asn["category"]) == ("AS", "Network activity")
    assert "5 % of all other accounts" in asn["comment"]
    (ja4,) = objects_of(event_of(EXAMPLE), "ja4-plus")
    assert value_of(ja4, "ja4-fingerprint") == "t13d1516h2_8daaf6152771_b186095e22b6"


def test_what_was_taken_back_is_deleted_and_detects_nothing() -> None:
    revoked = changed(EXAMPLE, revoked=True)
    event = event_of(revoked)
    assert event["info"].startswith("Taken back")
    assert all(item["deleted"] for item in event["Object"])
    assert all(a["deleted"] and not a["to_ids"] for a in attributes_of(event))
    assert FORMAT.decode(FORMAT.encode((revoked,))).bulletins == (revoked,)


def test_a_later_version_updates_the_same_objects() -> None:
    later = changed(EXAMPLE, modified=EXAMPLE.modified.replace(year=2027), k=20)
    before, after = event_of(EXAMPLE), event_of(later)
    assert int(after["timestamp"]) > int(before["timestamp"])
    assert [a["uuid"] for a in attributes_of(before)] == [a["uuid"] for a in attributes_of(after)]
    assert len({a["uuid"] for a in attributes_of(before)}) == len(attributes_of(before))


def test_a_long_bulletin_fits_misps_columns_and_comes_back() -> None:
    valid = {"valid_from": EXAMPLE.expires, "valid_until": EXAMPLE.expires, "members": 0.5, "others": 0.0}
    long = changed(EXAMPLE, indicators=tuple(Network(asn=number, **valid) for number in range(1, 1001)))
    written = FORMAT.encode((long,))
    assert max(len(a["value"]) for a in attributes_of(event_of(long))) <= LONGEST_VALUE + 20
    assert FORMAT.decode(written).bulletins == (long,)
    shuffled = json.loads(written)
    for item in shuffled["Event"]["Object"]:
        item["Attribute"].reverse()
    assert FORMAT.decode(json.dumps(shuffled).encode()).bulletins == (long,)
