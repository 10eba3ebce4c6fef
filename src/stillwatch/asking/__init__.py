"""Asking a model questions: endpoints, plans, limits, and answers that are sealed as they come."""

from __future__ import annotations

from stillwatch.asking.base import Endpoint, EndpointKind
from stillwatch.registry import Registry

__all__ = ["ENDPOINTS", "Endpoint", "EndpointKind"]

ENDPOINTS: Registry[EndpointKind] = Registry("stillwatch.endpoints", {})
