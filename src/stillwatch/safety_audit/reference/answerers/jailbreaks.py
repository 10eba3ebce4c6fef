"""Answers to harmful requests under jailbreak forms; a form's own rates stand under ``where``, by ``key.form``."""

from __future__ import annotations

from stillwatch.safety_audit.reference.answerers.refusal import refusing

__all__ = ["ANSWERER"]

ANSWERER = refusing("refused_under_jailbreak")
