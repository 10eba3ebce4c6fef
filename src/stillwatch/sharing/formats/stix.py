"""STIX 2.1 (OASIS): a bundle in which a bulletin is a campaign with its indicators, responses and doubts.

Written with OASIS's library; read with typed decoders of our own, since a stranger's bundle must cost no more than its
size allows (`stix_parts.reading`).
"""

from __future__ import annotations

import json
import re
import uuid
from typing import ClassVar

from stix2.exceptions import STIXError
from stix2.serialization import STIXJSONEncoder

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_BYTES, MOST_OBJECTS, Decoded, Info
from stillwatch.sharing.bulletin import Bulletin, Producer
from stillwatch.sharing.formats.claims import in_utc
from stillwatch.sharing.formats.stix_parts.fixed import NAMESPACE, Object, definition
from stillwatch.sharing.formats.stix_parts.reading import read
from stillwatch.sharing.formats.stix_parts.writing import identity_of, objects_of

__all__ = ["FORMAT"]

_TEXT = rb'\s*+"[^"\\]*+"\s*+'
_HEAD = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+\{(?:"
    + _TEXT
    + rb":"
    + _TEXT
    + rb',){0,8}?\s*+"(?:type"\s*+:\s*+"bundle"|id"\s*+:\s*+"bundle--)'
)


class Stix:
    """A bundle of STIX 2.1."""

    info: ClassVar[Info] = Info(
        name="stix",
        summary="STIX 2.1 bundles: campaign, indicators, attack patterns of MITRE ATLAS, and one published extension.",
        reference="https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html",
        version="2.1",
        suffix=".stix.json",
        media_type="application/stix+json;version=2.1",
        lossless=True,
        shows="Everything that a bulletin holds: in STIX's own properties where it has one, else in the extension "
        "(docs/sharing-stix.md). Of other bundles: indicators of AS numbers, addresses, ranges and JA4 fingerprints.",
    )

    def recognises(self, head: bytes) -> bool:
        """Whether it begins as a bundle."""
        return _HEAD.match(head) is not None

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """The bundle. Raises `InputError` for bulletins that contradict each other, that STIX cannot say (an id that is
        no UUID, a figure that is no number), or that are too many to be read again."""
        try:
            objects = _objects(bulletins)
        except STIXError as error:
            raise InputError(f"cannot be said in STIX: {error}") from error
        name = "|".join(f"{identifier}|{modified}" for identifier, modified in objects)
        bundle = {
            "type": "bundle",
            "id": f"bundle--{uuid.uuid5(NAMESPACE, name)}",
            **({"objects": list(objects.values())} if objects else {}),
        }
        try:
            text = json.dumps(bundle, cls=STIXJSONEncoder, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError as error:
            raise InputError("a figure of a bulletin is no number") from error
        document = text.encode() + b"\n"
        if len(objects) > MOST_OBJECTS or len(document) > MOST_BYTES:
            raise InputError("too much for one STIX bundle", do="write fewer bulletins into one")
        return document

    def decode(self, document: bytes) -> Decoded:
        """Every bulletin and indicator that can be read, or, of a bundle that is broken, none. Raises `InputError`."""
        return read(document)


def _objects(bulletins: tuple[Bulletin, ...]) -> dict[tuple[str, str], Object]:
    """All objects, each version once, in order. Raises `InputError` where two bulletins contradict each other."""
    told: dict[tuple[str, object], Bulletin] = {}
    producers: dict[str, tuple[object, str, Bulletin]] = {}
    for bulletin in bulletins:
        moment = in_utc(bulletin.modified)
        if told.setdefault((bulletin.id, moment), bulletin) != bulletin:
            raise InputError(
                f"two bulletins {bulletin.id} of the same time differ", do="give the later one a later time"
            )
        newest = (moment, bulletin.producer.name, bulletin)
        before = producers.setdefault(bulletin.producer.identity, newest)
        producers[bulletin.producer.identity] = max(before, newest, key=lambda known: known[:2])
    made: list[Object] = definition() if bulletins else []
    for key, (_, name, told_by) in producers.items():
        made.append(identity_of(Producer(identity=key, name=name), told_by.modified))
    for bulletin in told.values():
        made += objects_of(bulletin)
    return {(found["id"], str(found.get("modified", ""))): found for found in made}


FORMAT = Stix()
