"""A bulletin as a MISP event: written by PyMISP, whose strict objects refuse what their templates do not allow.

Identifiers come from the bulletin's own and times from its ``modified``, so the same bulletin gives the same bytes, and
a later version of it updates the same objects.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import Counter
from typing import Any

import msgspec
from pymisp import MISPEvent, MISPObject

from stillwatch.campaigns.explanations import evidence_words
from stillwatch.sharing.bulletin import (
    Bulletin,
    CampaignFacts,
    Client,
    Indicator,
    KeyedArtefact,
    Life,
    Network,
    Tls,
)
from stillwatch.sharing.formats.claims import (
    error_rate_words,
    expiry_words,
    in_utc,
    percent,
    range_words,
    rivals_words,
)
from stillwatch.sharing.formats.misp_templates import CAMPAIGN, INDICATOR, TEMPLATES
from stillwatch.sharing.formats.tags import galaxy_tags, likelihood_tag

__all__ = ["LONGEST_VALUE", "event_of"]

LONGEST_VALUE = 60_000
"""Bytes of an attribute's value: MISP's database column holds 65,535."""
DISTRIBUTION = {"clear": 3, "green": 1}
"""MISP's reach by TLP: all communities, this community; whatever else stays in the organisation that imports it."""
JA4_PLUS = "ja4-plus"
Values = list[tuple[str, str, str]]
"""(relation, value, comment) of each attribute of an object."""


def event_of(bulletin: Bulletin) -> dict[str, Any]:
    """The event, ready for JSON: one object for the campaign, one for each indicator, and a report in words."""
    made = in_utc(bulletin.modified)
    event = MISPEvent(force_timestamps=True)
    event.from_dict(
        uuid=bulletin.id,
        info=_title(bulletin),
        date=in_utc(bulletin.created).date(),
        timestamp=made,
        distribution=DISTRIBUTION.get(bulletin.tlp, 0),
        threat_level_id=4,
        analysis=2,
        published=False,
        Orgc={"name": bulletin.producer.name, "uuid": bulletin.producer.identity},
    )
    likelihood = likelihood_tag(bulletin.campaign)
    for tag in (f"tlp:{bulletin.tlp}", *galaxy_tags(bulletin.campaign), *([likelihood] if likelihood else [])):
        event.add_tag(tag)
    campaign = _object(bulletin, CAMPAIGN, "campaign", _campaign_values(bulletin))
    others = _indicator_objects(bulletin)
    for name, shown in others:
        relation = "characterized-by" if shown.name == INDICATOR else "related-to"
        campaign.add_reference(shown.uuid, relation, uuid=_uuid(bulletin, f"reference {name}"), timestamp=made)
    for made_object in (campaign, *(shown for _, shown in others)):
        event.add_object(made_object)
    event.add_event_report(
        name="What is claimed, and how sure it is",
        content=_report(bulletin),
        uuid=_uuid(bulletin, "report"),
        timestamp=made,
        distribution=5,
        deleted=bulletin.revoked,
    )
    written: dict[str, Any] = json.loads(event.to_json())
    return written


def _title(bulletin: Bulletin) -> str:
    campaign = bulletin.campaign
    taken_back = "Taken back: " if bulletin.revoked else ""
    return (
        f"{taken_back}model distillation campaign, {range_words(campaign.accounts)} accounts, "
        f"{campaign.first_day.isoformat()} to {campaign.last_day.isoformat()}"
    )


def _uuid(bulletin: Bulletin, name: str) -> str:
    return str(uuid.uuid5(uuid.UUID(bulletin.id), name))


def _object(bulletin: Bulletin, template: str, name: str, values: Values, *, to_ids: bool = False) -> MISPObject:
    """An object that its template allows; deleted, with all it holds, where the bulletin was taken back."""
    own = {"misp_objects_template_custom": TEMPLATES[template]} if template in TEMPLATES else {}
    made = MISPObject(template, strict=True, standalone=False, force_timestamps=True, **own)
    made.uuid, made.timestamp = _uuid(bulletin, name), in_utc(bulletin.modified)
    seen: Counter[str] = Counter()
    for relation, value, comment in values:
        seen[relation] += 1
        more = {"to_ids": to_ids} if relation in ("asn", "ja4") else {}
        made.add_attribute(
            relation,
            value=value,
            comment=comment,
            uuid=_uuid(bulletin, f"{name} {relation} {seen[relation]}"),
            timestamp=in_utc(bulletin.modified),
            **more,
        )
    if bulletin.revoked:
        made.delete()
    return made


def _day(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"


def _parts(bulletin: Bulletin) -> list[str]:
    """The bulletin's JSON: whole, or as ``i/n:part.`` where it is too long for one value."""
    text = msgspec.json.encode(bulletin).decode()
    if len(text) <= LONGEST_VALUE:
        return [text]
    parts = [text[start : start + LONGEST_VALUE] for start in range(0, len(text), LONGEST_VALUE)]
    return [f"{number}/{len(parts)}:{part}." for number, part in enumerate(parts, 1)]


def _campaign_values(bulletin: Bulletin) -> Values:
    campaign, rate = bulletin.campaign, bulletin.campaign.error_rate
    measured = f"measured on {rate.draws} groups of innocent accounts" if rate.draws else "not measured"
    return [
        *(("bulletin", part, "") for part in _parts(bulletin)),
        ("bulletin-id", bulletin.id, ""),
        ("first-seen", _day(campaign.first_day), ""),
        ("last-seen", _day(campaign.last_day), ""),
        ("expires", _day(bulletin.expires), ""),
        ("revoked", "1" if bulletin.revoked else "0", ""),
        ("k-anonymity", str(bulletin.k), ""),
        ("accounts", range_words(campaign.accounts), ""),
        ("exchanges", range_words(campaign.exchanges), ""),
        ("harvested-exchanges", range_words(campaign.taken), ""),
        ("waves", str(campaign.waves), ""),
        ("error-rate", repr(rate.level), measured),
        ("error-rate-draws", str(rate.draws), ""),
        ("expected-innocent-share", repr(rate.innocent), measured),
        ("q-value", repr(campaign.q_value), ""),
        *_weighed(campaign),
        *(("technique", t.name, f"{percent(t.share)} of what was taken") for t in campaign.techniques),
        *(("response", r.name, f"{r.outcome}{_returned(r.returned_after)}") for r in bulletin.responses),
    ]


def _weighed(campaign: CampaignFacts) -> Values:
    rivals: Values = [("innocent-explanation", r.name, f"beaten by {r.nats:.3g} nats") for r in campaign.rivals]
    return [
        *(rivals or [("innocent-explanation", "none weighed", "")]),
        *(
            ("evidence", e.name, f"{e.nats:.3g} nats; innocent reading: {evidence_words(e.name).innocent_reading}")
            for e in campaign.evidence
        ),
    ]


def _returned(days: int | None) -> str:
    return "" if days is None else f"; back after {days} days"


def _indicator_objects(bulletin: Bulletin) -> list[tuple[str, MISPObject]]:
    """An object for each indicator, and for a JA4, which MISP has no attribute type for, its own template too."""
    made: list[tuple[str, MISPObject]] = []
    seen: Counter[str] = Counter()
    for indicator in bulletin.indicators:
        named = _named(indicator)
        value = " ".join(value for _, value, _ in named)
        seen[value] += 1
        name = f"{type(indicator).__name__} {value} {seen[value]}"
        comment = (
            f"{percent(indicator.members)} of the campaign's accounts show it, and {percent(indicator.others)} of all "
            f"other accounts; not to be used after {indicator.valid_until.isoformat()}"
        )
        values: Values = [
            *((relation, value, comment) for relation, value, _ in named),
            ("share-of-campaign", repr(indicator.members), ""),
            ("share-of-others", repr(indicator.others), ""),
            ("valid-from", _day(indicator.valid_from), ""),
            ("valid-until", _day(indicator.valid_until), ""),
        ]
        detects = indicator.others == 0 and indicator.members > 0 and not bulletin.revoked
        made.append((name, _object(bulletin, INDICATOR, name, values, to_ids=detects)))
        if isinstance(indicator, Tls):
            same = f"{JA4_PLUS} {name}"
            shown: Values = [
                ("ja4-fingerprint", indicator.ja4, comment), ("ja4-type", "JA4", ""), ("description", comment, ""),
            ]  # fmt: skip
            made.append((same, _object(bulletin, JA4_PLUS, same, shown)))
    return made


def _named(indicator: Indicator) -> Values:
    if isinstance(indicator, Network):
        return [("asn", str(indicator.asn), "")]
    if isinstance(indicator, Tls):
        return [("ja4", indicator.ja4, "")]
    if isinstance(indicator, Client):
        return [("client-family", indicator.family, "")]
    if isinstance(indicator, KeyedArtefact):
        return [
            ("keyed-artefact", indicator.digest, ""),
            ("keyed-artefact-type", indicator.artefact, ""),
            ("key-id", indicator.key_id, ""),
        ]
    if isinstance(indicator, Life):
        return [("life-days", str(indicator.days), ""), ("daily-exchanges", str(indicator.daily), "")]
    return [("model-move-days", str(indicator.days), "")]


def _report(bulletin: Bulletin) -> str:
    """The claim in Markdown: what, how sure, weighed against what, until when."""
    campaign = bulletin.campaign
    taken_back = ["**This was taken back by who published it: use none of it.**"] if bulletin.revoked else []
    return "\n\n".join(
        (
            *taken_back,
            f"{bulletin.producer.name} found {range_words(campaign.accounts)} accounts that one operator runs to copy "
            f"a model: {range_words(campaign.exchanges)} exchanges from {campaign.first_day.isoformat()} to "
            f"{campaign.last_day.isoformat()}, of which {range_words(campaign.taken)} fed the copy.",
            f"## How sure\n\n{error_rate_words(campaign)} {rivals_words(campaign)}",
            "## How to use it\n\nAn indicator is shared by innocent accounts too; its object says by how many. It is "
            "evidence to be weighed with other evidence, never a ground to block an account by itself. "
            f"{expiry_words(bulletin)}",
        )
    )
