"""Somebody else's word for when a statement existed: requests to a timestamping authority, and its answers checked.

Method: RFC 3161, by the library ``rfc3161-client`` (the extra ``marks``). Nothing is sent: the request is a file that
its owner takes to an authority (for instance ``curl -H 'Content-Type: application/timestamp-query' --data-binary
@FILE.tsq URL``), and the authority's answer a file that is checked here, years later too, without a network.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import rfc3161_client as tsp
from cryptography import x509

from stillwatch.errors import InputError

__all__ = ["request", "verify"]

_LARGEST = 1 << 20


def request(statement: bytes) -> bytes:
    """A request (DER, a ``.tsq`` file) to stamp ``statement``: its SHA-256 and a random number, nothing else."""
    asked: bytes = (
        tsp.TimestampRequestBuilder()
        .data(statement)
        .hash_algorithm(tsp.HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .build()
        .as_bytes()
    )
    return asked


def verify(answer: bytes, statement: bytes, roots: Sequence[bytes], name: str) -> dt.datetime:
    """The time at which an authority stamped ``statement``.

    Args:
        answer: its answer (DER, a ``.tsr`` file).
        statement: the statement's file.
        roots: PEM certificates of the authorities that are believed, and of whatever stands between them and the
            signer. Their validity is judged as of the time of the stamp.
        name: what errors call the answer.

    Raises:
        InputError: the answer is none, is on another file, or is signed by nobody who is believed.
    """
    builder = tsp.VerifierBuilder()
    try:
        certificates = [one for pem in roots for one in x509.load_pem_x509_certificates(pem)]
    except ValueError as error:
        raise InputError(f"the authority's certificates cannot be read: {error}", name, "give PEM") from None
    for certificate in dict.fromkeys(certificates):
        builder = builder.add_root_certificate(certificate)
    try:
        if len(answer) > _LARGEST:
            raise ValueError("is too large")
        decoded = tsp.decode_timestamp_response(answer)
        builder.build().verify_message(decoded, statement)
        stamped: dt.datetime = decoded.tst_info.gen_time
    except (ValueError, tsp.VerificationError) as error:
        raise InputError(f"is no valid stamp on this statement: {error}", name, "see docs/prove-keys.md") from None
    return stamped
