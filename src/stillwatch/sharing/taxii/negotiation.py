"""Media types of requests and answers: TAXII 2.1 section 1.6.8, RFC 9110 sections 8.3 and 12.5.1."""

from __future__ import annotations

__all__ = ["MEDIA_TYPE", "STIX_MEDIA_TYPE", "VERSION", "is_acceptable", "is_sendable"]

VERSION = "2.1"
_TAXII = "application/taxii+json"
MEDIA_TYPE = f"{_TAXII};version={VERSION}"
STIX_MEDIA_TYPE = "application/stix+json;version="
_LONGEST = 4096


def is_acceptable(accept: str | None) -> bool:
    """Whether an ``Accept`` header names TAXII of this version, or of none; section 3.1 asks every request to."""
    if accept is None or len(accept) > _LONGEST:
        return False
    return any(_is_taxii(part) for part in accept.split(","))


def is_sendable(content_type: str | None) -> bool:
    """Whether a ``Content-Type`` header says TAXII of this version, or of none."""
    return content_type is not None and len(content_type) <= _LONGEST and _is_taxii(content_type)


def _is_taxii(media_range: str) -> bool:
    name, *parameters = media_range.split(";")
    if name.strip().lower() != _TAXII:
        return False
    said = {key.strip().lower(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in parameters)}
    return said.get("version", VERSION) == VERSION and not _is_zero(said.get("q", "1"))


def _is_zero(quality: str) -> bool:
    return quality.strip("0") in {"", "."}
