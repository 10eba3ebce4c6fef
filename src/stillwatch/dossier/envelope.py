"""A signature around bytes: DSSE (Dead Simple Signing Envelope 1.0, github.com/secure-systems-lab/dsse), in JSON.

Signed is not the payload alone but its type and length with it (the pre-authentication encoding), so that no other kind
of file can be passed off as a dossier's manifest.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from stillwatch.dossier.keys import Signer
from stillwatch.errors import InputError

__all__ = ["PAYLOAD_TYPE", "Opened", "encoding", "open_envelope", "seal"]

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
LARGEST = 256 * 2**20


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str
    payloadType: str
    signatures: tuple[_Signature, ...]


class Opened(msgspec.Struct, frozen=True):
    """What an envelope holds: the payload, what was signed, and the signatures with the key ids that they claim."""

    payload: bytes
    signed: bytes
    signatures: tuple[tuple[str, bytes], ...]


def encoding(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    """What is signed (the specification's PAE)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)


def seal(payload: bytes, signer: Signer) -> bytes:
    """The envelope around ``payload``, with a line feed at its end. The same payload and key give the same bytes."""
    signature = _Signature(signer.id, base64.b64encode(signer.sign(encoding(payload))).decode("ascii"))
    envelope = _Envelope(base64.b64encode(payload).decode("ascii"), PAYLOAD_TYPE, (signature,))
    return msgspec.json.format(msgspec.json.encode(envelope), indent=2) + b"\n"


def open_envelope(data: bytes, name: str) -> Opened:
    """What an envelope holds; no signature is checked yet. Raises `InputError` for one that is none."""
    do = "take the file as it was made"
    try:
        if len(data) > LARGEST:
            raise ValueError("is too large")
        envelope = msgspec.json.decode(data, type=_Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        signatures = tuple((each.keyid, base64.b64decode(each.sig, validate=True)) for each in envelope.signatures)
    except (ValueError, RecursionError, binascii.Error) as error:
        raise InputError(f"is no signed envelope ({error})", name, do) from None
    if envelope.payloadType != PAYLOAD_TYPE:
        raise InputError("is an envelope around something else", name, do)
    if not signatures:
        raise InputError("is an envelope without a signature", name, do)
    return Opened(payload, encoding(payload, envelope.payloadType), signatures)
