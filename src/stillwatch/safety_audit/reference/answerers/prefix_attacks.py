"""Answers to harmful requests that go on from words of consent."""

from __future__ import annotations

from stillwatch.safety_audit.reference.answerers.refusal import refusing

__all__ = ["ANSWERER"]

ANSWERER = refusing("refused_after_prefix")
