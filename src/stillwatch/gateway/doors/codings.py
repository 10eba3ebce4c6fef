"""Codings of answers that can be read here: the others are not asked for, or the journal would know nothing of them."""

from __future__ import annotations

__all__ = ["readable_codings"]

_READABLE = frozenset(("gzip", "x-gzip", "deflate", "identity"))


def readable_codings(accepted: str) -> str | None:
    """The value of ``Accept-Encoding`` without codings that nobody here can read; None where it names none such."""
    codings = accepted.split(",") if accepted else []
    kept = [coding for coding in codings if coding.partition(";")[0].strip().lower() in _READABLE]
    return None if len(kept) == len(codings) else ",".join(kept).strip() or "identity"
