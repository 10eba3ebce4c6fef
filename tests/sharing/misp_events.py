"""Events as MISP would show them, for the tests of what is written and of what strangers write."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.formats.misp import FORMAT
from tests.sharing.bulletins import example_bulletin

__all__ = ["EXAMPLE", "attributes_of", "changed", "document", "event_of", "objects_of", "value_of"]

EXAMPLE = example_bulletin()
changed = msgspec.structs.replace


def event_of(bulletin: Bulletin) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(FORMAT.encode((bulletin,)))["Event"]
    return written


def document(*, attributes: object = (), objects: object = ()) -> bytes:
    return json.dumps({"Event": {"info": "theirs", "Attribute": attributes, "Object": objects}}).encode()


def objects_of(event: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [item for item in event["Object"] if item["name"] == name]


def attributes_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [attribute for item in event["Object"] for attribute in item["Attribute"]]


def value_of(item: dict[str, Any], relation: str) -> str:
    (value,) = (a["value"] for a in item["Attribute"] if a["object_relation"] == relation)
    return str(value)
