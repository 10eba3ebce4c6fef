"""What is said in the words of MITRE ATLAS."""

from __future__ import annotations

import re
from typing import get_args

from stillwatch.sharing.atlas import CASE_STUDY, entry, mitigations_of, techniques_of
from stillwatch.sharing.bulletin import ResponseName, TechniqueName

STIX_ID = r"--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_every_technique_and_response_has_its_place() -> None:
    for technique in get_args(TechniqueName):
        found = techniques_of([technique])
        assert "AML.T0024.002" in {known.id for known in found}
        assert all(re.fullmatch("attack-pattern" + STIX_ID, known.stix_id) for known in found)
        assert all(known.phases for known in found)
    for response in get_args(ResponseName):
        found = mitigations_of(response)
        assert all(re.fullmatch("course-of-action" + STIX_ID, known.stix_id) for known in found)
        assert all(known.url == f"https://atlas.mitre.org/mitigations/{known.id}" for known in found)


def test_no_proxy_and_no_harm_is_claimed_of_a_campaign() -> None:
    claimed = {known.id for known in techniques_of(get_args(TechniqueName))}
    assert claimed == {"AML.T0024.002", "AML.T0040", "AML.T0054", "AML.T0065"}


def test_the_ids_that_atlas_published() -> None:
    assert entry("AML.T0008.005").stix_id == "attack-pattern--647ac4ac-b2bc-53f7-ab83-81f421a1f0b5"
    assert entry("AML.T0024.002").stix_id == "attack-pattern--3f567912-629a-5e0b-ab0c-0102977c2d6c"
    assert [entry(identifier).id for identifier in CASE_STUDY.techniques] == list(CASE_STUDY.techniques)
