"""Asking a model questions: endpoints, plans, limits, and answers that are sealed as they come."""

from __future__ import annotations

from stillwatch.asking.base import Endpoint, EndpointKind
from stillwatch.registry import Registry

__all__ = ["ENDPOINTS", "Endpoint", "EndpointKind"]

_HERE = "stillwatch.asking.endpoints"

ENDPOINTS: Registry[EndpointKind] = Registry(
    "stillwatch.endpoints",
    {
        "openai": f"{_HERE}.openai_compatible:KIND",
        "anthropic": f"{_HERE}.anthropic:KIND",
        "transformers": f"{_HERE}.transformers:KIND",
        "answers": f"{_HERE}.answer_files:KIND",
    },
    extras={"transformers": "local"},
)
