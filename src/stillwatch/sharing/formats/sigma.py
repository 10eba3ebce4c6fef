"""Sigma rules: one for each network and TLS fingerprint, with its innocent readings and the share of others it meets.

A rule marks calls to look at, not accounts to act on. Its level is bounded by the claim's error rate and by how many
other accounts show the same; what was taken back is a deprecated rule under the same id.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter
from typing import Any, ClassVar

from stillwatch.campaigns.explanations import evidence_words
from stillwatch.errors import InputError
from stillwatch.sharing.atlas import entry
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator, Info
from stillwatch.sharing.bulletin import SHARE_STEP, Bulletin, Network, Tls
from stillwatch.sharing.formats.bounds import checked_size, shown, text_of
from stillwatch.sharing.formats.claims import (
    doubt,
    error_rate_words,
    expiry_words,
    in_utc,
    percent,
    range_words,
    rivals_words,
)
from stillwatch.sharing.formats.collecting import Found
from stillwatch.sharing.formats.sigma_rules import NotAlone, indicator_of, values_of
from stillwatch.sharing.formats.tags import atlas_of
from stillwatch.sharing.formats.yaml_text import dump_documents, load_documents

__all__ = ["FORMAT", "LEVELS"]

HEADER = "# Sigma rules by Stillwatch\n"
MOST_RULES = 10_000
"""That are written into one document; with more it would be refused as too large to read."""
LEVELS = ("informational", "low", "medium", "high")
BY_DOUBT = ((0.01, 3), (0.05, 2), (0.2, 1))
"""The highest level by the largest share of innocents that must be reckoned with."""
BY_OTHERS = ((0.0, 3), (0.05, 2), (0.25, 1))
"""The highest level by the share of all other accounts that show the same."""
OUT_OF_USE = ("deprecated", "unsupported")
LOG = (
    "One record for each call to a hosted model: client_asn is the number of the network that the caller's address "
    "belongs to, ja4 the fingerprint of its TLS hello."
)
KEYS = tuple(re.compile(rb"(?:^|[\r\n])" + key + rb" {0,8}:") for key in (b"title", b"logsource", b"detection"))


class Sigma:
    """The SIEM-neutral rule format (YAML)."""

    info: ClassVar[Info] = Info(
        name="sigma",
        summary="Sigma rules for a SIEM, one for each network and TLS fingerprint.",
        reference="https://github.com/SigmaHQ/sigma-specification",
        version="2.1.0",
        suffix=".yml",
        media_type="application/yaml",
        lossless=False,
        shows=(
            "Networks and TLS fingerprints with their innocent readings, shares and expiry, the claim's error rate and "
            "the explanations it beat; nothing that a single call does not show."
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether it begins with our line, or with a rule's three keys at the beginning of lines."""
        start = head[:65536].removeprefix(b"\xef\xbb\xbf")
        return start.startswith(HEADER.encode()) or all(key.search(start) for key in KEYS)

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """The rules as one stream. Raises `InputError` where there would be too many to read."""
        rules = [rule for bulletin in bulletins for rule in _rules(bulletin)]
        if len(rules) > MOST_RULES:
            raise InputError(f"would hold more than {MOST_RULES} rules", do="write fewer bulletins into one document")
        return checked_size((HEADER + dump_documents(rules)).encode())

    def decode(self, document: bytes) -> Decoded:
        """The rules' AS numbers, JA4s and addresses; other rules are counted or set aside. Raises `InputError`."""
        text = text_of(document)
        rules = [rule for rule in load_documents(text, MOST_OBJECTS) if rule not in (None, "")]
        ours = text.startswith(HEADER)
        if not ours and not any(isinstance(rule, dict) and "detection" in rule for rule in rules):
            raise InputError("holds no Sigma rule")
        found = Found()
        for number, rule in enumerate(rules, 1):
            _read(rule, f"rule {number}", found)
        return found.decoded()


def _rules(bulletin: Bulletin) -> list[dict[str, Any]]:
    rules = []
    seen: Counter[str] = Counter()
    for indicator in bulletin.indicators:
        if isinstance(indicator, Network | Tls):
            name = str(indicator.asn) if isinstance(indicator, Network) else indicator.ja4
            seen[name] += 1
            rules.append(_rule(bulletin, indicator, str(uuid.uuid5(uuid.UUID(bulletin.id), f"{name} {seen[name]}"))))
    return rules


def _rule(bulletin: Bulletin, indicator: Network | Tls, identifier: str) -> dict[str, Any]:
    campaign = bulletin.campaign
    ids = atlas_of(campaign)
    if isinstance(indicator, Network):
        what, evidence = f"Network AS{indicator.asn}", "networks"
        selection: dict[str, Any] = {"client_asn": indicator.asn}
    else:
        what, evidence = f"TLS Client {indicator.ja4}", "client"
        selection = {"ja4": indicator.ja4}
    taken_back = "Taken Back: " if bulletin.revoked else ""
    return {
        "title": f"{taken_back}{what} of a Model Distillation Campaign",
        "id": identifier,
        "taxonomy": "stillwatch",
        "status": "deprecated" if bulletin.revoked else "experimental",
        "description": (
            f"Detects calls that show what {percent(indicator.members)} of the accounts of a campaign to copy a model "
            f"show ({range_words(campaign.accounts)} accounts, {campaign.first_day.isoformat()} to "
            f"{campaign.last_day.isoformat()}). {error_rate_words(campaign)} {rivals_words(campaign)} "
            f"{expiry_words(bulletin)} It accuses no account by itself."
        ),
        "references": [entry(found).url for found in ids],
        "author": bulletin.producer.name,
        "date": in_utc(bulletin.created).date().isoformat(),
        "modified": in_utc(bulletin.modified).date().isoformat(),
        "tags": [
            "attack.exfiltration",
            *(f"atlas.{found.lower()}" for found in ids),
            f"tlp.{bulletin.tlp.replace('+', '-')}",
        ],
        "logsource": {"product": "llm_api", "definition": LOG},
        "detection": {"selection": selection, "condition": "selection"},
        "falsepositives": [
            f"Innocent accounts: {_touched(indicator.others)} of all other accounts show it too",
            f"Innocent reading: {evidence_words(evidence).innocent_reading}",
        ],
        "level": _level(bulletin, indicator.others),
        "valid_from": indicator.valid_from.isoformat(),
        "valid_until": min(indicator.valid_until, bulletin.expires).isoformat(),
        "bulletin": bulletin.id,
    }


def _touched(others: float) -> str:
    """A share that was rounded to nothing is not nothing."""
    return percent(others) if others else f"fewer than {percent(SHARE_STEP)}"


def _level(bulletin: Bulletin, others: float) -> str:
    """The lower of what the error rate and the share of others allow; never "critical"."""
    unsure = doubt(bulletin.campaign)
    if unsure is None or bulletin.revoked:
        return LEVELS[0]
    allowed = (
        next((level for most, level in BY_DOUBT if unsure <= most), 0),
        next((level for most, level in BY_OTHERS if others <= most), 0),
    )
    return LEVELS[min(allowed)]


def _read(rule: object, where: str, found: Found) -> None:
    """One document of a stream: a rule, or something else that is counted."""
    if not isinstance(rule, dict):
        found.reject("is no rule", where)
        return
    detection = rule.get("detection")
    if not isinstance(detection, dict):
        kind = next((kind for kind in ("correlation", "filter", "action") if kind in rule), None)
        if kind is None:
            found.reject("has no detection", where)
        else:
            found.seen[f"{kind}, not read"] += 1
        return
    found.seen["rule"] += 1
    if rule.get("status") in OUT_OF_USE:
        found.seen["rule out of use"] += 1
        return
    try:
        until = _day(rule.get("valid_until"))
        pairs = list(values_of(detection))
    except NotAlone:
        found.seen["rule for several things together"] += 1
        return
    except ValueError as error:
        found.reject(error, where)
        return
    source = shown(rule.get("bulletin") or rule.get("id") or where)
    for field, value in pairs:
        try:
            indicator = indicator_of(field, value)
        except ValueError as error:
            found.reject(f"{shown(value)} {error}", where)
            continue
        if indicator is None:
            found.seen["value of another field"] += 1
        else:
            found.foreign.append(ForeignIndicator(*indicator, source, until))


def _day(text: object) -> dt.date | None:
    """Our own field; a rule of others says none."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError("its valid_until is no day") from error


FORMAT = Sigma()
