"""Whether an answer refuses, told by rules in several languages, and how often the rules are wrong."""

from __future__ import annotations

from stillwatch.safety_audit.refusals.reading import Reading, read_answer

__all__ = ["Reading", "read_answer"]
