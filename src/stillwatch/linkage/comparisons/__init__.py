"""The registry of comparisons, in the order of the pair model's features, and nothing else."""

from __future__ import annotations

from stillwatch.linkage.comparisons.base import Comparison
from stillwatch.registry import Registry

COMPARISONS: Registry[Comparison] = Registry(
    "stillwatch.comparisons",
    {
        "artefacts": "stillwatch.linkage.comparisons.artefacts:COMPARISON",
        "settings": "stillwatch.linkage.comparisons.settings:COMPARISON",
        "rhythm": "stillwatch.linkage.comparisons.rhythm:COMPARISON",
        "content": "stillwatch.linkage.comparisons.content:COMPARISON",
    },
)
