"""Bundles as others write them, of our own text: shaped like MITRE ATLAS's, a MISP export, STIX 2.0, and bombs."""

from __future__ import annotations

import json
import uuid
from typing import Any

Json = dict[str, Any]
NAMESPACE = uuid.UUID("0b54a1c6-5f7e-4d39-8a21-7c9d3e5f1a2b")
MOMENT = "2026-06-24T18:20:59.123456Z"


def identifier(kind: str, name: object) -> str:
    return f"{kind}--{uuid.uuid5(NAMESPACE, f'{kind}{name}')}"


def an_object(kind: str, name: object, /, **more: object) -> Json:
    """A STIX object with what all have in common."""
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": identifier(kind, name),
        "created": MOMENT,
        "modified": MOMENT,
        **more,
    }


def a_bundle(*objects: object, **more: object) -> bytes:
    return json.dumps({"type": "bundle", "id": identifier("bundle", len(objects)), **more, "objects": objects}).encode()


def an_indicator(name: object, pattern: object, /, **more: object) -> Json:
    """An indicator of somebody else's."""
    said = {"pattern": pattern, "pattern_type": "stix", "valid_from": MOMENT, "name": f"Indicator {name}", **more}
    return an_object("indicator", name, **said)


def like_atlas() -> bytes:
    """As large as ATLAS's bundle, with its habits: properties and types of its own, objects without dates, and 34
    relationships whose id another one has already."""
    techniques = [
        an_object(
            "attack-pattern",
            number,
            name=f"Technique {number}",
            description=f"What an adversary may do, number {number}. " * 20,
            kill_chain_phases=[{"kill_chain_name": "made-up", "phase_name": f"phase-{number % 16}"}],
            external_references=[{"source_name": "made-up", "external_id": f"MU.T{number:04}"}],
            x_mitre_platforms=["MADE-UP"],
            x_mitre_is_subtechnique=number % 2 == 1,
            object_marking_refs=[identifier("marking-definition", "unknown")],
        )
        for number in range(170)
    ]
    mitigations = [an_object("course-of-action", number, name=f"Mitigation {number}") for number in range(35)]
    tactics = [an_object("x-mitre-tactic", number, x_mitre_shortname=f"phase-{number}") for number in range(16)]
    relations = [
        an_object(
            "relationship",
            number if number < 281 else number - 281,
            relationship_type="subtechnique-of" if number % 2 else "mitigates",
            source_ref=techniques[number % 169 + 1]["id"] if number % 2 else mitigations[number % 35]["id"],
            target_ref=techniques[0]["id"] if number % 2 else techniques[number % 170]["id"],
            description=f"relation {number}",
        )
        for number in range(315)
    ]
    collection = {
        "type": "x-mitre-collection",
        "id": identifier("x-mitre-collection", 0),
        "x_mitre_contents": [{"object_ref": tactic["id"], "object_modified": MOMENT} for tactic in tactics],
    }
    matrix = an_object("x-mitre-matrix", 0, tactic_refs=[tactic["id"] for tactic in tactics])
    return a_bundle(*techniques, *mitigations, *tactics, matrix, collection, *relations)


def like_misp() -> bytes:
    """A MISP event as its converter writes it: patterns on two properties, custom objects, odd kill chains."""
    source = "network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.7'"
    patterns = [
        "[autonomous-system:number = '64500']",
        "[autonomous-system:number = '64501' AND autonomous-system:name = 'Example' "
        "AND autonomous-system:x_misp_subnet_announced = '203.0.113.0/24']",
        f"[{source}]",
        f"[({source}) AND network-traffic:src_port = '1234']",
        "[domain-name:value = 'example.com']",
        "[file:hashes.MD5 = 'b2a5abfeef9e36964281a31e17b57c97']",
    ]
    kill_chain = [{"kill_chain_name": "misp-category", "phase_name": "Network activity"}]
    labels = ['misp:type="ip-src"', 'misp:category="Network activity"', 'misp:to_ids="True"']
    indicators = [
        an_indicator(number, pattern, kill_chain_phases=kill_chain, labels=labels)
        for number, pattern in enumerate(patterns)
    ]
    rule = an_indicator("rule", "alert tcp any any -> any any (sid:1;)", pattern_type="snort")
    custom = an_object("x-misp-object", 0, x_misp_name="ja4-plus", x_misp_attributes=[{"type": "text", "value": "x"}])
    observable = {
        "type": "ipv4-addr",
        "spec_version": "2.1",
        "id": identifier("ipv4-addr", 0),
        "value": "203.0.113.9",
    }
    seen = an_object(
        "observed-data",
        0,
        number_observed=1,
        first_observed=MOMENT,
        last_observed=MOMENT,
        object_refs=[observable["id"]],
    )
    told = [*indicators, rule, custom, seen, observable]
    report = an_object("report", 0, name="Event", published=MOMENT, object_refs=[one["id"] for one in told])
    return a_bundle(an_object("identity", 0, name="MISP", identity_class="organization"), report, *told)


def like_stix_2_0() -> bytes:
    """A bundle of the version before: the version stands on the bundle, patterns have no type."""
    indicator = an_indicator(0, "[ipv4-addr:value = '198.51.100.7']", labels=["malicious-activity"])
    older = {key: value for key, value in indicator.items() if key not in ("spec_version", "pattern_type")}
    return a_bundle(older, spec_version="2.0")


def a_relation(number: int, kind: str, source: str, target: str) -> Json:
    """A relationship between two ends that nobody has seen."""
    return an_object("relationship", number, relationship_type=kind, source_ref=source, target_ref=target)


def a_million_relationships(least: bool) -> bytes:
    """10⁶ relationships: as short as they can be (32 MiB), or valid ones."""
    full = json.dumps(a_relation(0, "related-to", "a--0", "b--0")).encode()
    one = b'{"type":"relationship","id":"r"}' if least else full
    return b'{"type":"bundle","objects":[' + b",".join([one] * 1_000_000) + b"]}"
