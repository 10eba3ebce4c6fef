"""The object templates that MISP lacks, for misp-objects: ``templates_misp/<name>/definition.json``."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

__all__ = ["CAMPAIGN", "INDICATOR", "TEMPLATES"]

CAMPAIGN = "model-distillation-campaign"
INDICATOR = "model-distillation-indicator"
_FOLDER = files("stillwatch.sharing") / "templates_misp"
TEMPLATES: dict[str, dict[str, Any]] = {
    name: msgspec.json.decode((_FOLDER / name / "definition.json").read_bytes()) for name in (CAMPAIGN, INDICATOR)
}
"""Each template by its name, in the format of misp-objects."""
