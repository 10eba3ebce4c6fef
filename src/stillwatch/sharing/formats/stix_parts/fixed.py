"""What is the same in every bundle: the extension's definition, TLP 2.0, ATLAS's objects, the courses of action.

Their ids, dates and content are constants: `PUBLISHED` must be set anew when any text here changes, since two objects
with one id and one time of change must be the same (STIX 2.1, part 3.6); a test holds their content to that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from stix2 import v21

from stillwatch.sharing.atlas import Entry, mitigations_of, techniques_of
from stillwatch.sharing.bulletin import ResponseName, Technique, Tlp
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION, PROPERTY, SCHEMA_FILE, VERSION

__all__ = ["TLP_MARKINGS", "atlas_object", "attack_patterns", "course_of_action", "definition", "id_of", "tlp_marking"]

NAMESPACE = uuid.UUID("061de6ed-295c-4294-b2be-e1e83ea42339")
PUBLISHED = "2026-11-28T00:00:00.000Z"
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_PUBLISHED = "2022-10-01T00:00:00.000Z"
TLP_MARKINGS: dict[Tlp, str] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The ids that OASIS published (``cti-stix-common-objects``)."""

_RESPONSES: dict[ResponseName, tuple[str, str]] = {
    "observe": ("Observe", "Log and watch the accounts, and change nothing yet."),
    "step_up": ("Ask for more proof", "Ask the accounts for a stronger proof of who they are before they go on."),
    "slow_down": ("Slow down", "Lower the accounts' limits of requests and tokens."),
    "cap_reasoning": ("Cap reasoning", "Limit how much reasoning the model may write for the accounts."),
    "shield_reasoning": ("Shield reasoning", "Give the accounts a summary of the reasoning instead of its text."),
    "reduce_output": ("Reduce output", "Give the accounts less detail: no log-probabilities, shorter answers."),
    "mark_output": ("Mark output", "Watermark what the accounts receive, so that a copy trained on it can be told."),
    "hold": ("Hold", "Hold the accounts' requests until a person has looked at them."),
    "suspend": ("Suspend", "Suspend the accounts."),
    "contact": ("Contact", "Write to the customer and ask."),
}
Object = Any  # of stix2, which has no types


def id_of(kind: str, *parts: str) -> str:
    """The id of an object of ours: always the same for the same parts."""
    return f"{kind}--{uuid.uuid5(NAMESPACE, '|'.join((kind, *parts)))}"


def _ours(kind: str, name: str) -> dict[str, object]:
    return {
        "id": id_of(kind, "fixed", name),
        "created": PUBLISHED,
        "modified": PUBLISHED,
        "created_by_ref": id_of("identity", "fixed", "stillwatch"),
        "object_marking_refs": [TLP_MARKINGS["clear"]],
    }


def definition() -> list[Object]:
    """The definition of the extension, who defines it, and the marking of both."""
    project = {**_ours("identity", "stillwatch")}
    del project["created_by_ref"]
    return [
        tlp_marking("clear"),
        v21.Identity(
            name="Stillwatch",
            description="The project that publishes the extension. It vouches for no campaign.",
            identity_class="organization",
            **project,
        ),
        v21.ExtensionDefinition(
            **{**_ours("extension-definition", "campaign"), "id": EXTENSION},
            name="Model distillation campaign",
            description="What STIX lacks to tell of a campaign that distils a model behind an API: error rates, "
            "ranges, rival explanations, techniques of distillation, a noise-protected behavioural fingerprint.",
            schema="JSON schema (draft 2020-12), in the Python package stillwatch: "
            f"stillwatch/sharing/schemas/{SCHEMA_FILE}",
            version=VERSION,
            extension_types=[PROPERTY],
        ),
    ]


def tlp_marking(level: Tlp) -> Object:
    """OASIS's marking definition of a level of TLP 2.0, as published."""
    return v21.MarkingDefinition(
        id=TLP_MARKINGS[level],
        created=TLP_PUBLISHED,
        name=f"TLP:{level.upper()}",
        extensions={TLP_EXTENSION: {"extension_type": PROPERTY, "tlp_2_0": level}},
        allow_custom=True,
    )


def atlas_object(known: Entry) -> Object:
    """ATLAS's own object under its own id, as short as may be.

    Its time of change is that of its creation, the earliest there is: whoever has ATLAS's bundle has a later version,
    and keeps that.
    """
    made = v21.CourseOfAction if known.id.startswith("AML.M") else v21.AttackPattern
    phases = [{"kill_chain_name": "mitre-atlas", "phase_name": phase} for phase in known.phases]
    moment = f"{known.created}T00:00:00.000Z"
    return made(
        id=known.stix_id,
        created=moment,
        modified=moment,
        name=known.name,
        external_references=[{"source_name": "mitre-atlas", "url": known.url, "external_id": known.id}],
        **({"kill_chain_phases": phases} if phases else {}),
    )


def attack_patterns(techniques: Iterable[Technique]) -> list[Object]:
    """What the campaign does, as ATLAS's attack patterns."""
    return [atlas_object(known) for known in techniques_of(technique.name for technique in techniques)]


def course_of_action(name: ResponseName) -> list[Object]:
    """A response, the same object whoever takes it; ATLAS's mitigations that it belongs to, and that it does."""
    title, description = _RESPONSES[name]
    mitigations = mitigations_of(name)
    references = [{"source_name": "mitre-atlas", "url": known.url, "external_id": known.id} for known in mitigations]
    action = v21.CourseOfAction(
        **_ours("course-of-action", name),
        name=title,
        description=description,
        **({"external_references": references} if references else {}),
    )
    belongs = [
        v21.Relationship(
            **_ours("relationship", f"{name}|{known.id}"),
            relationship_type="related-to",
            source_ref=action["id"],
            target_ref=known.stix_id,
        )
        for known in mitigations
    ]
    return [action, *(atlas_object(known) for known in mitigations), *belongs]
