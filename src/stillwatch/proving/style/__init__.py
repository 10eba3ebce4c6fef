"""Tier 3: whom a model writes like. Corroboration, not proof.

`answers` (what models said to common prompts) and `reference` (who is a candidate, who a control) → `features/` (what
is compared) → `likeness` (two answers to one prompt, beyond what their lengths explain) → `calibrating` (a suspect
beside controls) → `deciding` (one family, or none of these) → `reporting`. `running` is the whole on one page.
"""

from stillwatch.proving.style.answers import Answers, read_answers
from stillwatch.proving.style.deciding import Verdict
from stillwatch.proving.style.reference import Reference, ReferenceModel, read_reference
from stillwatch.proving.style.reporting import CAVEAT, evidence, sentence
from stillwatch.proving.style.running import nearest_teacher

__all__ = [
    "CAVEAT",
    "Answers",
    "Reference",
    "ReferenceModel",
    "Verdict",
    "evidence",
    "nearest_teacher",
    "read_answers",
    "read_reference",
    "sentence",
]
