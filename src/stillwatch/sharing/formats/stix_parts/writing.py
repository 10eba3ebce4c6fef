"""A bulletin as objects of STIX 2.1. The same bulletin gives the same objects, whoever writes them."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from stix2 import v21

from stillwatch.sharing.atlas import CASE_STUDY
from stillwatch.sharing.bulletin import Bulletin, Client, Network, Producer
from stillwatch.sharing.formats.claims import (
    doubt,
    error_rate_words,
    expiry_words,
    in_utc,
    percent,
    range_words,
    rivals_words,
)
from stillwatch.sharing.formats.stix_parts.extension import EXTENSION, PROPERTY, carried
from stillwatch.sharing.formats.stix_parts.fixed import (
    PUBLISHED,
    TLP_MARKINGS,
    Object,
    attack_patterns,
    course_of_action,
    id_of,
    tlp_marking,
)
from stillwatch.sharing.formats.stix_parts.indicators import described, observable, pattern_of

__all__ = ["identity_of", "objects_of"]

MOST_COUNTED = 999_999_999  # what STIX allows number_observed and count to be
OPERATOR = "operator, unnamed"


def identity_of(producer: Producer, modified: dt.datetime) -> Object:
    """The provider as it names itself. It bears no marking: the name is public."""
    published = dt.datetime.fromisoformat(PUBLISHED)
    return v21.Identity(
        id=f"identity--{producer.identity}",
        created=published,
        modified=max(published, in_utc(modified)),
        name=producer.name,
        identity_class="organization",
    )


def objects_of(bulletin: Bulletin) -> list[Object]:
    """All objects of a bulletin but its producer's identity, the campaign first."""
    return _Objects(bulletin).all()


class _Objects:
    """The objects of one bulletin while they are made."""

    def __init__(self, bulletin: Bulletin) -> None:
        self.bulletin = bulletin
        self.facts = bulletin.campaign
        self.campaign = f"campaign--{bulletin.id}"
        self.identity = f"identity--{bulletin.producer.identity}"
        self.used: Counter[str] = Counter()
        self.seen = {
            "first": dt.datetime.combine(self.facts.first_day, dt.time(), dt.UTC),
            "last": dt.datetime.combine(self.facts.last_day, dt.time(23, 59, 59), dt.UTC),
        }
        self.words = f"{error_rate_words(self.facts)} {rivals_words(self.facts)}"
        unsure = doubt(self.facts)
        self.sure = None if unsure is None else 1 - unsure
        self.made: list[Object] = []

    def all(self) -> list[Object]:
        """Every object, in an order that never changes."""
        operator = self.add_campaign()
        self.add_note(operator)
        patterns = attack_patterns(self.facts.techniques)
        self.made += [tlp_marking(self.bulletin.tlp), *patterns]
        for pattern in patterns:
            self.relate(self.campaign, "uses", pattern["id"])
        self.add_indicators()
        self.add_sighting(self.add_observed())
        self.add_responses()
        return self.made

    def common(self, kind: str, *key: str) -> dict[str, object]:
        """What all objects of the bulletin have in common; ``key`` tells them apart, the second of one key by its
        number."""
        place = "|".join((kind, *key))
        self.used[place] += 1
        again = (str(self.used[place]),) if self.used[place] > 1 else ()
        return {
            "id": id_of(kind, self.bulletin.id, *key, *again),
            "created": in_utc(self.bulletin.created),
            "modified": in_utc(self.bulletin.modified),
            "created_by_ref": self.identity,
            "object_marking_refs": [TLP_MARKINGS[self.bulletin.tlp]],
            **({"revoked": True} if self.bulletin.revoked else {}),
        }

    def confidence(self, share: float = 1.0) -> dict[str, int]:
        """STIX's confidence, where an error rate was measured."""
        return {} if self.sure is None else {"confidence": max(0, min(100, round(100 * self.sure * share)))}

    def relate(self, source: str, kind: str, target: str, description: str | None = None) -> None:
        """Add a relationship."""
        said = {} if description is None else {"description": description}
        self.made.append(
            v21.Relationship(
                **self.common("relationship", source, kind, target),
                relationship_type=kind,
                source_ref=source,
                target_ref=target,
                **said,
            )
        )

    def add_campaign(self) -> str:
        """The campaign and whoever works it; the id of the latter."""
        facts, common = self.facts, self.common("campaign")
        chain = ", ".join(CASE_STUDY.techniques)
        self.made.append(
            v21.Campaign(
                **{**common, "id": self.campaign},
                name=f"Distillation campaign {self.bulletin.id[:8]}",
                description=f"{range_words(facts.accounts)} accounts that act as one, {range_words(facts.exchanges)} "
                f"exchanges, {range_words(facts.taken)} of them material for a copy of a model. {self.words} "
                f"{expiry_words(self.bulletin)}",
                objective="Answers of a model, as material to train another one.",
                first_seen=self.seen["first"],
                last_seen=self.seen["last"],
                external_references=[
                    {
                        "source_name": "mitre-atlas",
                        "url": CASE_STUDY.url,
                        "external_id": CASE_STUDY.id,
                        "description": f"Published campaigns of the same kind: {CASE_STUDY.name} ({chain}).",
                    }
                ],
                extensions={EXTENSION: carried(self.bulletin)},
                **self.confidence(),
                allow_custom=True,
            )
        )
        operator = v21.IntrusionSet(
            **self.common("intrusion-set"),
            name=OPERATOR,
            description="Whoever worked these accounts. Nothing is said, and nothing known, of who or where that is.",
            first_seen=self.seen["first"],
            last_seen=self.seen["last"],
            **self.confidence(),
        )
        self.made.append(operator)
        self.relate(self.campaign, "attributed-to", operator["id"])
        return str(operator["id"])

    def add_note(self, operator: str) -> None:
        """How sure this is, beside the campaign and the operator alike."""
        taken_back = "Taken back by its producer: none of this holds any longer. " if self.bulletin.revoked else ""
        self.made.append(
            v21.Note(
                **self.common("note"),
                abstract="How often such an accusation is wrong, and the innocent explanations that it beat",
                content=f"{taken_back}{self.words} {expiry_words(self.bulletin)}",
                authors=[self.bulletin.producer.name],
                object_refs=[self.campaign, operator],
            )
        )

    def add_indicators(self) -> None:
        """An indicator for each of the bulletin's, related to the campaign; its networks as infrastructure."""
        for indicator in self.bulletin.indicators:
            pattern = pattern_of(indicator)
            both = indicator.members + indicator.others
            made = v21.Indicator(
                **self.common("indicator", pattern),
                name=described(indicator),
                description=f"{percent(indicator.members)} of the campaign's accounts show it, and "
                f"{percent(indicator.others)} of all other accounts of the provider. It accuses nobody by itself.",
                indicator_types=["anomalous-activity"],
                pattern=pattern,
                pattern_type="stix",
                pattern_version="2.1",
                valid_from=dt.datetime.combine(indicator.valid_from, dt.time(), dt.UTC),
                valid_until=dt.datetime.combine(indicator.valid_until, dt.time(23, 59, 59), dt.UTC),
                extensions={
                    EXTENSION: {
                        "extension_type": PROPERTY,
                        "members": indicator.members,
                        "others": indicator.others,
                    }
                },
                **self.confidence(indicator.members / both if both else 0.0),
                allow_custom=True,
            )
            self.made.append(made)
            self.relate(made["id"], "indicates", self.campaign)

    def add_observed(self) -> str | None:
        """What was observed of it that STIX has objects for (networks, clients); the id, or None: nothing was."""
        networks = [observable(found) for found in self.bulletin.indicators if isinstance(found, Network)]
        clients = [observable(found) for found in self.bulletin.indicators if isinstance(found, Client)]
        self.made += [*networks, *clients]
        if networks:
            infrastructure = v21.Infrastructure(
                **self.common("infrastructure"),
                name="Networks that the accounts came from",
                description="Networks by their public numbers. Others use them too.",
                infrastructure_types=["unknown"],
                first_seen=self.seen["first"],
                last_seen=self.seen["last"],
            )
            self.made.append(infrastructure)
            self.relate(self.campaign, "uses", infrastructure["id"])
            for network in dict.fromkeys(found["id"] for found in networks):
                self.relate(infrastructure["id"], "consists-of", network)
        if not networks and not clients:
            return None
        observed = v21.ObservedData(
            **self.common("observed-data"),
            first_observed=self.seen["first"],
            last_observed=self.seen["last"],
            number_observed=max(1, min(self.facts.taken.low, MOST_COUNTED)),
            object_refs=list(dict.fromkeys(found["id"] for found in [*networks, *clients])),
        )
        self.made.append(observed)
        return str(observed["id"])

    def add_sighting(self, observed: str | None) -> None:
        """The provider saw the campaign: from when to when, and on how many accounts at least."""
        self.made.append(
            v21.Sighting(
                **self.common("sighting"),
                sighting_of_ref=self.campaign,
                where_sighted_refs=[self.identity],
                first_seen=self.seen["first"],
                last_seen=self.seen["last"],
                count=min(self.facts.accounts.low, MOST_COUNTED),
                **({"observed_data_refs": [observed]} if observed else {}),
                **self.confidence(),
            )
        )

    def add_responses(self) -> None:
        """What was done about it and whether it helped."""
        for response in self.bulletin.responses:
            action, *others = course_of_action(response.name)
            self.made += [action, *others]
            days = response.returned_after
            back = "" if days is None else f" The campaign was back after {days} days."
            self.relate(action["id"], "related-to", self.campaign, f"Outcome: {response.outcome}.{back}")
