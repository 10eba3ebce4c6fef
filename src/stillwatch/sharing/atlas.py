"""Techniques and responses in the words of MITRE ATLAS: existing identifiers only, none is made up here.

Identifiers, names, STIX ids and dates are those of ``mitre-atlas/atlas-navigator-data``, ``dist/stix-atlas.json`` of
2026-06-24 (ATLAS 5.6.0, Apache-2.0), checked one by one against that file. Whatever of a technique ATLAS has no own
name for stands under the technique that its case study AML.CS0056 (distillation campaigns against a model behind an
API) gives it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stillwatch.sharing.bulletin import ResponseName, TechniqueName

__all__ = ["ATLAS_VERSION", "CASE_STUDY", "CaseStudy", "Entry", "entry", "mitigations_of", "techniques_of"]

ATLAS_VERSION = "5.6.0"
SITE = "https://atlas.mitre.org"


class Entry(NamedTuple):
    """A technique or mitigation of ATLAS.

    ``stix_id`` is its id in ATLAS's own STIX bundle, ``created`` the day on which it was created there, ``phases`` the
    tactics that it belongs to there (none for a mitigation).
    """

    id: str
    name: str
    stix_id: str
    created: str
    phases: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Its page."""
        return f"{SITE}/{'mitigations' if self.id.startswith('AML.M') else 'techniques'}/{self.id}"


class CaseStudy(NamedTuple):
    """A case study of ATLAS: published campaigns of this kind, and the techniques that ATLAS sees in them."""

    id: str
    name: str
    url: str
    techniques: tuple[str, ...]


CASE_STUDY = CaseStudy(
    "AML.CS0056",
    "Model Distillation Campaigns Targeting Anthropic Claude",
    f"{SITE}/studies/AML.CS0056",
    ("AML.T0008.005", "AML.T0065", "AML.T0040", "AML.T0024.002", "AML.T0048.004", "AML.T0048.002", "AML.T0048.003"),
)

_ENTRIES = {
    known.id: known
    for known in (
        Entry(
            "AML.T0008.005",
            "AI Service Proxies",
            "attack-pattern--647ac4ac-b2bc-53f7-ab83-81f421a1f0b5",
            "2026-03-30",
            ("resource-development",),
        ),
        Entry(
            "AML.T0024.002",
            "Extract AI Model",
            "attack-pattern--3f567912-629a-5e0b-ab0c-0102977c2d6c",
            "2021-05-13",
            ("exfiltration",),
        ),
        Entry(
            "AML.T0040",
            "AI Model Inference API Access",
            "attack-pattern--5ac1f849-523e-51bf-a1e9-1a97ab91cc91",
            "2021-05-13",
            ("ai-model-access",),
        ),
        Entry(
            "AML.T0048.002",
            "Societal Harm",
            "attack-pattern--d6a38c02-ad95-5958-ab29-759c0ff495ee",
            "2023-10-25",
            ("impact",),
        ),
        Entry(
            "AML.T0048.003",
            "User Harm",
            "attack-pattern--154cff1b-1e2d-5437-9ec4-1812d38c8f57",
            "2023-10-25",
            ("impact",),
        ),
        Entry(
            "AML.T0048.004",
            "AI Intellectual Property Theft",
            "attack-pattern--73772ced-edba-578c-bacd-703e082a9c57",
            "2021-05-13",
            ("impact",),
        ),
        Entry(
            "AML.T0054",
            "LLM Jailbreak",
            "attack-pattern--9bf148ad-b901-5aeb-a029-6c0a8ce0a564",
            "2023-10-25",
            ("privilege-escalation", "defense-evasion"),
        ),
        Entry(
            "AML.T0065",
            "LLM Prompt Crafting",
            "attack-pattern--6e148299-0460-5d0b-9741-467437464d3d",
            "2025-03-12",
            ("resource-development",),
        ),
        Entry(
            "AML.M0002",
            "Passive AI Output Obfuscation",
            "course-of-action--8aaa7934-9c52-56f0-a48d-1f5258e4288b",
            "2023-04-12",
        ),
        Entry(
            "AML.M0004",
            "Restrict Number of AI Model Queries",
            "course-of-action--1b15d839-8893-5005-aba7-62c3cc8b48ac",
            "2023-04-12",
        ),
        Entry(
            "AML.M0019",
            "Control Access to AI Models and Data in Production",
            "course-of-action--9ae01d8c-c75b-5d11-944f-16edbb7d754f",
            "2024-01-12",
        ),
        Entry(
            "AML.M0024",
            "AI Telemetry Logging",
            "course-of-action--1f45c127-eb18-5e17-a136-28ceef04edec",
            "2025-03-12",
        ),
    )
}

# What every campaign does, as far as its bulletin shows it. A proxy (AML.T0008.005) or a harm (AML.T0048.*) is claimed
# of none: a log shows neither.
_ALWAYS = ("AML.T0040", "AML.T0024.002")
_TECHNIQUES: dict[TechniqueName, tuple[str, ...]] = {
    "reasoning_elicitation": ("AML.T0065",),
    "rubric_grading": ("AML.T0065",),
    "prompt_evolution": ("AML.T0065",),
    "jailbreak": ("AML.T0065", "AML.T0054"),
    "agent_traces": (),
    "code_tasks": (),
    "answer_rewriting": ("AML.T0065",),
    "plain": (),
}
_RESPONSES: dict[ResponseName, tuple[str, ...]] = {
    "observe": ("AML.M0024",),
    "step_up": ("AML.M0019",),
    "slow_down": ("AML.M0004",),
    "cap_reasoning": ("AML.M0002",),
    "shield_reasoning": ("AML.M0002",),
    "reduce_output": ("AML.M0002",),
    "mark_output": (),
    "hold": ("AML.M0019",),
    "suspend": ("AML.M0019",),
    "contact": (),
}


def entry(identifier: str) -> Entry:
    """The entry of a technique or mitigation. Raises KeyError for one that is not listed here."""
    return _ENTRIES[identifier]


def techniques_of(names: Iterable[TechniqueName]) -> tuple[Entry, ...]:
    """ATLAS's techniques of a campaign that uses these, each once, by identifier; no names: those of every campaign."""
    wanted = {*_ALWAYS, *(found for name in names for found in _TECHNIQUES[name])}
    return tuple(_ENTRIES[found] for found in sorted(wanted))


def mitigations_of(name: ResponseName) -> tuple[Entry, ...]:
    """ATLAS's mitigations that a response belongs to; marking outputs and writing to the customer belong to none."""
    return tuple(_ENTRIES[found] for found in _RESPONSES[name])
