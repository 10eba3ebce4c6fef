"""The one extension of STIX: everything of a bulletin that STIX has no property for.

What STIX has a property for stands there and nowhere else (`NATIVE`), so that the two can never contradict each other;
the rest is the bulletin as it is, under the extension's key of the campaign. STIX knows neither null nor empty lists:
they are left out and put back. The published JSON schema is made from the types (`schema`), never by hand.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stillwatch.sharing.bulletin import Bulletin, ClientFamily, Ja4

__all__ = ["EXTENSION", "NATIVE", "PROPERTY", "SCHEMA_FILE", "bulletin_of", "carried", "schema"]

EXTENSION = "extension-definition--5ca5b827-0350-4d09-a25d-714c2d5675fe"
SCHEMA_FILE = f"{EXTENSION}.json"
PROPERTY = "property-extension"
VERSION = "1.0.0"

NATIVE: dict[tuple[str, ...], str] = {
    ("id",): "the UUID of the campaign's id",
    ("created",): "created",
    ("modified",): "modified",
    ("revoked",): "revoked",
    ("tlp",): "object_marking_refs",
    ("producer", "identity"): "the UUID of created_by_ref",
    ("campaign", "first_day"): "the day of first_seen",
    ("campaign", "last_day"): "the day of last_seen",
}
_RENAMED = {"k": "least_accounts"}  # STIX: names of properties have three letters or more
_RANGES = ("accounts", "exchanges", "taken")
_LISTS = (("campaign", "techniques"), ("campaign", "evidence"), ("campaign", "rivals"))
Json = dict[str, Any]


def carried(bulletin: Bulletin) -> Json:
    """What the extension's key holds for a bulletin."""
    fields: Json = msgspec.to_builtins(bulletin)
    for path in NATIVE:
        _parent(fields, path).pop(path[-1])
    for ours, theirs in _RENAMED.items():
        fields[theirs] = fields.pop(ours)
    return {"extension_type": PROPERTY, **_lean(fields)}


def bulletin_of(extension: object, native: dict[tuple[str, ...], object]) -> Bulletin:
    """The bulletin that `carried` was made from, with what the campaign's own properties say of it.

    Raises ValueError (`msgspec.ValidationError` is one) for what is none, or says twice what may be said once.
    """
    fields = msgspec.convert(extension, Json)
    if fields.pop("extension_type", None) != PROPERTY:
        raise ValueError("its extension is of another kind")
    for ours, theirs in _RENAMED.items():
        if ours in fields:
            raise ValueError(f"its extension has no {ours}")
        fields[ours] = fields.pop(theirs, None)
    for path in NATIVE:
        place = _parent(fields, path)
        if path[-1] in place:
            raise ValueError(f"its extension says {'.'.join(path)}, which the campaign itself says")
        place[path[-1]] = native[path]
    for path in _LISTS:
        _parent(fields, path).setdefault(path[-1], [])
    for name in _RANGES:
        _parent(fields, ("campaign", name, "high")).setdefault("high", None)
    if isinstance(fields.get("fingerprint"), dict):
        fields["fingerprint"].setdefault("values", [])
    return msgspec.convert(fields, Bulletin)


def _parent(fields: Json, path: tuple[str, ...]) -> Json:
    for step in path[:-1]:
        inner = fields.get(step)
        if not isinstance(inner, dict):
            raise ValueError(f"its extension has no {step}")
        fields = inner
    return fields


def _lean(value: Any) -> Any:
    """``value`` without what is null or an empty list."""
    if isinstance(value, dict):
        return {key: _lean(inner) for key, inner in value.items() if inner is not None and inner != () and inner != []}
    if isinstance(value, list | tuple):
        return [_lean(inner) for inner in value]
    return value


def schema() -> Json:
    """The published JSON schema (draft 2020-12) of objects that carry the extension, made from the bulletin's types."""
    (_, ja4, family), parts = msgspec.json.schema_components(
        [Bulletin, Ja4, ClientFamily], ref_template="#/$defs/{name}"
    )
    parts = {name: _without_null(part) for name, part in parts.items()}
    whole = parts.pop("Bulletin")
    for path in NATIVE:
        owner = whole if len(path) == 1 else parts[_target(whole["properties"][path[0]])]
        owner["properties"].pop(path[-1])
        owner["required"] = [name for name in owner["required"] if name != path[-1]]
    for ours, theirs in _RENAMED.items():
        whole["properties"][theirs] = whole["properties"].pop(ours)
        whole["required"] = [theirs if name == ours else name for name in whole["required"]]
    _optional(parts["CampaignFacts"], [path[-1] for path in _LISTS])
    _optional(parts["Range"], ["high"])
    _optional(parts["Fingerprint"], ["values"])
    share = {"type": "number", "minimum": 0, "maximum": 1}
    digest = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    kinds = {
        "campaign": _of(whole),
        "indicator": _of(_closed({"members": share, "others": share}, ["members", "others"])),
        "network-traffic": _of(_closed({"ja4": ja4}, ["ja4"])),
        "software": _of(_closed({"client_family": family}, ["client_family"])),
        "user-account": _of(
            _closed(
                {
                    "keyed_artefact": {"enum": ["organization", "payment", "wording"]},
                    "key_id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                    "digest": digest,
                    "days_at_work": {"type": "integer", "minimum": 0},
                    "exchanges_on_a_day": {"type": "integer", "minimum": 0},
                    "days_until_new_model": {"type": "integer", "minimum": 0},
                },
                [],
            )
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_FILE,
        "title": "Model distillation campaign",
        "description": "What a bulletin of Stillwatch says of a campaign beyond the properties of STIX 2.1. Times and "
        "counts are coarsened, no property is free text, and none describes a customer, a prompt or an answer.",
        "type": "object",
        "required": ["type", "extensions"],
        "properties": {"type": {"enum": sorted(kinds)}, "extensions": {"type": "object", "required": [EXTENSION]}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}},
                "then": {"properties": {"extensions": {"properties": {EXTENSION: {"$ref": f"#/$defs/{kind}"}}}}},
            }
            for kind in sorted(kinds)
        ],
        "$defs": {**dict(sorted(parts.items())), **dict(sorted(kinds.items()))},
    }


def _target(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _optional(part: Json, names: list[str]) -> None:
    part["required"] = [name for name in part["required"] if name not in names]


def _closed(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _of(part: Json) -> Json:
    return {
        **part,
        "properties": {"extension_type": {"const": PROPERTY}, **part["properties"]},
        "required": ["extension_type", *part["required"]],
    }


def _without_null(part: Any) -> Any:
    """A schema in which nothing is null or has a default, with patterns that every engine reads (no ``\\Z``)."""
    if isinstance(part, list):
        return [_without_null(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_null(value) for key, value in part.items() if key not in ("default", "title")}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    if "pattern" in kept:
        kept["pattern"] = kept["pattern"].replace(r"\Z", "$")
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return choices[0]
    return {**kept, "anyOf": choices} if choices else kept
