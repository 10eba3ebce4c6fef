"""Was a model's safety stripped on the way? Differences between a suspect, a teacher and a base, with intervals."""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.safety_audit.base import Property

__all__ = ["PROPERTIES", "Property"]

PROPERTIES: Registry[Property] = Registry(
    "stillwatch.audit_properties",
    {
        "refusal": "stillwatch.safety_audit.properties.refusal:PROPERTY",
        "over_refusal": "stillwatch.safety_audit.properties.over_refusal:PROPERTY",
        "jailbreaks": "stillwatch.safety_audit.properties.jailbreaks:PROPERTY",
        "prefix_attacks": "stillwatch.safety_audit.properties.prefix_attacks:PROPERTY",
        "identity": "stillwatch.safety_audit.properties.identity:PROPERTY",
        "truthfulness": "stillwatch.safety_audit.properties.truthfulness:PROPERTY",
        "even_handedness": "stillwatch.safety_audit.properties.even_handedness:PROPERTY",
        "hijacking": "stillwatch.safety_audit.properties.hijacking:PROPERTY",
        "prompt_leaking": "stillwatch.safety_audit.properties.prompt_leaking:PROPERTY",
        "state_narratives": "stillwatch.safety_audit.properties.state_narratives:PROPERTY",
        "sycophancy": "stillwatch.safety_audit.properties.sycophancy:PROPERTY",
    },
)
