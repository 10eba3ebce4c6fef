"""THE record: one exchange with a model, as an Arrow schema, and the keyed hashes that replace identifiers.

Every source yields batches of `EXCHANGE` and of nothing else. Times are UTC; an empty text is null, in every
column; ``messages`` is JSON text of a list of ``{"role": str, "content": str | null}`` objects (further keys may
follow), oldest first, and sources guarantee that it decodes. All text is written by strangers.

`CUSTOMER` is one row of the provider's own table of accounts. ``email_domain`` is not part of it: who somebody is
by name or mail is never evidence, so the column is dropped where the file is read.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.errors import InputError, StorageError

__all__ = [
    "CUSTOMER",
    "EXCHANGE",
    "NETWORK_KINDS",
    "REQUIRED",
    "accounts_of",
    "fresh_salt",
    "in_order",
    "keyed_hash",
    "keyed_hashes",
    "read_salt",
]

SALT_BYTES = 32
NETWORK_KINDS = (
    *("hosting", "residential", "mobile", "business", "education", "government"),
    *("vpn", "proxy", "relay", "tor"),
)
"""What ``client_network`` may say; `sources.enrichment.kinds` has what each is, and what others call it."""
TEXT, WHOLE, REAL, TIME = pa.large_string(), pa.int64(), pa.float64(), pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, unit: str, meaning: str, *, required: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=not required, metadata={"unit": unit, "meaning": meaning})


EXCHANGE: pa.Schema = pa.schema(
    [
        _field("exchange_id", TEXT, "id", "One request and its answer; unique in a log.", required=True),
        _field("started_at", TIME, "microsecond, UTC", "When the request arrived.", required=True),
        _field("account_id", TEXT, "id", "The account that is billed; verdicts are about it.", required=True),
        _field("api_key_id", TEXT, "id", "The key used (its id or hash, never the key)."),
        _field("session_id", TEXT, "id", "The conversation, where the log knows it."),
        _field("model", TEXT, "name", "The model that answered."),
        _field("operation", TEXT, "name", "Kind of call: chat, responses, embeddings, ..."),
        _field("system_prompt", TEXT, "text", "Instructions above the conversation."),
        _field("messages", TEXT, "JSON text", "The conversation sent: a list of {role, content}."),
        _field("response", TEXT, "text", "The answer."),
        _field("reasoning", TEXT, "text", "Reasoning text that was shown with the answer."),
        _field("input_tokens", WHOLE, "token", "Tokens sent, cached ones included."),
        _field("output_tokens", WHOLE, "token", "Tokens answered, reasoning included."),
        _field("reasoning_tokens", WHOLE, "token", "Those of the output that were reasoning."),
        _field("temperature", REAL, "1", "Sampling temperature asked for."),
        _field("max_tokens", WHOLE, "token", "Limit of the answer asked for."),
        _field("tool_count", WHOLE, "tool", "Tools offered to the model."),
        _field("client_ip", TEXT, "address", "Address of the client as the nearest trusted hop saw it."),
        _field("client_asn", WHOLE, "AS number", "Network of that address."),
        _field("client_network", TEXT, "kind", f"Kind of that network, for no verdict: {', '.join(NETWORK_KINDS)}."),
        _field("user_agent", TEXT, "text", "What the client calls itself; it can claim anything."),
        _field("ja4", TEXT, "fingerprint", "JA4 fingerprint of the client's TLS hello."),
        _field("status", WHOLE, "HTTP status", "How the exchange ended."),
        _field("latency_ms", WHOLE, "millisecond", "From the request to the end of the answer."),
    ]
)

REQUIRED: tuple[str, ...] = tuple(field.name for field in EXCHANGE if not field.nullable)

CUSTOMER: pa.Schema = pa.schema(
    [
        _field("account_id", TEXT, "id", "The account, as in the log; unique in the table.", required=True),
        _field("organization_id", TEXT, "id", "The organisation that the account declared."),
        _field("payment_id", TEXT, "id", "Fingerprint of the means of payment."),
        _field("created_at", TIME, "microsecond, UTC", "When the account was opened."),
    ]
)


def in_order(exchanges: pa.Table) -> pa.Table:
    """The exchanges sorted by time, then id: the order of everything after reading, whatever the files' order was."""
    return exchanges.sort_by([("started_at", "ascending"), ("exchange_id", "ascending")]).combine_chunks()


def accounts_of(exchanges: pa.Table) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The accounts of a table of exchanges, and the *account number* of each exchange.

    Returns:
        ``ids`` (accounts,), text, ascending by their UTF-8 bytes, each once; and (exchanges,) the place in ``ids`` of
        each exchange's account. Both are empty for a table without rows.
    """
    column = exchanges.column("account_id").combine_chunks()
    ids = pc.unique(column)
    ids = ids.take(pc.array_sort_indices(ids))
    numbers = pc.index_in(column, value_set=ids).to_numpy(zero_copy_only=False).astype(np.int64)
    return ids, numbers


def keyed_hash(value: str, salt: bytes) -> str:
    """16 hexadecimal digits (64 bits) that stand for ``value``: BLAKE2b keyed with ``salt`` (1 to 64 bytes).

    Without the salt nobody can test a guess, not even for a value as guessable as an address. Two of *n* different
    values collide with probability about n² / 2⁶⁵ (n = 10⁶: 3·10⁻⁸).
    """
    return _digest(value, salt).hex()


def keyed_hashes(values: pa.Array | pa.ChunkedArray, salt: bytes) -> pa.Int64Array:
    """`keyed_hash` of each text as a signed 64-bit number; null stays null; each different text is hashed once.

    ``values`` may be of any length, also 0. The number is the hash's 16 digits read as a big-endian signed integer.
    """
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = pc.dictionary_encode(array.cast(TEXT))
    uniques: Iterable[str] = encoded.dictionary.to_pylist()
    numbers = pa.array([int.from_bytes(_digest(value, salt), "big", signed=True) for value in uniques], pa.int64())
    hashed: Any = numbers.take(encoded.indices)
    return hashed


def _digest(value: str, salt: bytes) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, key=salt).digest()


def fresh_salt() -> bytes:
    """A random salt of 32 bytes that is kept nowhere: hashes of this run cannot be compared with another's."""
    return secrets.token_bytes(SALT_BYTES)


def read_salt(path: Path) -> bytes:
    """The salt in ``path``, which is made with mode 0600 and a random salt where it is missing.

    It belongs beside a run, never inside it: who has both the run and the salt can test guesses ("is this hash
    the address 203.0.113.7?"), so the run may be shared and the salt may not. Give two runs the same file to make
    their hashes comparable; delete the file to make guessing impossible for good.

    Raises `InputError` for a file that is no salt, `StorageError` where none can be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _existing_salt(path)
    except OSError as error:
        raise StorageError(f"cannot make the salt: {error.strerror}", path, "name another file with --salt") from error
    salt = fresh_salt()
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(salt.hex().encode() + b"\n")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StorageError(f"cannot write the salt: {error.strerror}", path, "name another file with --salt") from error
    return salt


def _existing_salt(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            salt = bytes.fromhex(file.read(4 * SALT_BYTES).decode("ascii"))
    except OSError as error:
        raise InputError(f"cannot read the salt: {error.strerror}", path) from error
    except ValueError as error:
        raise InputError("holds no salt", path, f"it should be {2 * SALT_BYTES} hexadecimal digits") from error
    if len(salt) != SALT_BYTES:
        raise InputError("holds no salt", path, f"it should be {2 * SALT_BYTES} hexadecimal digits")
    return salt
