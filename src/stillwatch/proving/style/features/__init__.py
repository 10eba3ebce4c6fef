"""What of two answers to one prompt is compared, one file each; all count alike."""

from stillwatch.proving.style.features.base import Feature
from stillwatch.registry import Registry

__all__ = ["DEFAULT", "FEATURES"]

FEATURES: Registry[Feature] = Registry(
    "stillwatch.style_features",
    {
        "words": "stillwatch.proving.style.features.words:WORDS",
        "word_pairs": "stillwatch.proving.style.features.word_pairs:WORD_PAIRS",
        "word_triples": "stillwatch.proving.style.features.word_triples:WORD_TRIPLES",
        "openings": "stillwatch.proving.style.features.openings:OPENINGS",
        "closings": "stillwatch.proving.style.features.closings:CLOSINGS",
    },
)
DEFAULT = ("words", "word_pairs", "word_triples", "openings", "closings")
"""Those that the published figures are of; a plugin's feature counts only where it is asked for."""
