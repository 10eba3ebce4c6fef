"""The tags that a SIEM or MISP sorts by: MITRE ATLAS, and how likely the claim is."""

from __future__ import annotations

from stillwatch.sharing.atlas import techniques_of
from stillwatch.sharing.bulletin import CampaignFacts
from stillwatch.sharing.formats.claims import doubt

__all__ = ["atlas_of", "galaxy_tags", "likelihood_tag"]

GALAXY = {
    "AML.T0024.002": "Extract ML Model",
    "AML.T0040": "AI Model Inference API Access",
    "AML.T0054": "LLM Jailbreak",
}
"""The names that MISP's galaxy ``mitre-atlas-attack-pattern`` has for them; it lags behind ATLAS, hence the ids too."""
LIKELIHOODS = ((0.05, "almost-certain"), (0.2, "very-likely"), (0.45, "likely"), (0.55, "roughly-even-chance"))
"""MISP's taxonomy ``estimative-language`` (ICD 203), by the largest share of innocents."""


def atlas_of(campaign: CampaignFacts) -> tuple[str, ...]:
    """The ids of what it did, each once, sorted."""
    return tuple(entry.id for entry in techniques_of(technique.name for technique in campaign.techniques))


def galaxy_tags(campaign: CampaignFacts) -> tuple[str, ...]:
    """MISP's tags for `atlas_of`: each by its id, and by its name in the galaxy where that is known."""
    ids = atlas_of(campaign)
    return (
        *(f'mitre-atlas:technique="{identifier}"' for identifier in ids),
        *(f'misp-galaxy:mitre-atlas-attack-pattern="{GALAXY[i]}"' for i in ids if i in GALAXY),
    )


def likelihood_tag(campaign: CampaignFacts) -> str | None:
    """How likely the claim is, in the words of ICD 203; None where no error rate was measured."""
    unsure = doubt(campaign)
    if unsure is None:
        return None
    word = next((word for most, word in LIKELIHOODS if unsure <= most), "unlikely")
    return f'estimative-language:likelihood-probability="{word}"'
