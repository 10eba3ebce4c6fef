"""What ties a group's accounts: artefacts that several of them used, as keyed hashes, with how many others use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stillwatch.campaigns.case import Case
from stillwatch.campaigns.report import ArtefactLink
from stillwatch.exchange import keyed_hashes

Ints = npt.NDArray[np.int64]

MOST = 60
"""Links of one kind that a dossier holds; those that tie the most accounts for the fewest outsiders."""


@dataclass(frozen=True)
class Uses:
    """Who used which artefacts of one kind: distinct pairs of account number and artefact code, each (pairs,).

    ``users`` (artefacts,) counts the accounts of each artefact; ``hashes`` (artefacts,) stand for them.
    """

    kind: str
    account: Ints
    artefact: Ints
    users: Ints
    hashes: Ints


def uses_of(case: Case, salt: bytes) -> tuple[Uses, ...]:
    """Every kind of artefact that the log and the customer table show; kinds without a value are left out.

    Only codes and keyed hashes remain: no raw value is in the result.
    """
    return tuple(
        _uses(kind, account, values, salt)
        for kind, account, values in _columns(case)
        if values.null_count < len(values)
    )


def _columns(case: Case) -> Iterator[tuple[str, Ints, pa.Array]]:
    everyone = np.arange(len(case.account_ids), dtype=np.int64)
    if case.customers is not None:
        for kind, column in (("payment", "payment_id"), ("organization", "organization_id")):
            yield kind, everyone, case.customers.column(column).combine_chunks()
    for kind, column in (("address", "client_ip"), ("client", "ja4")):
        yield kind, case.account, case.exchanges.column(column).combine_chunks()
    shared = case.findings.wording
    names = pa.array([None if number < 0 else f"wording {number}" for number in shared.tolist()], pa.large_string())
    yield "wording", case.account, names


def _uses(kind: str, account: Ints, values: pa.Array, salt: bytes) -> Uses:
    encoded = values.dictionary_encode()
    code = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    artefacts = len(encoded.dictionary)
    pairs = np.unique(account[code >= 0] * artefacts + code[code >= 0])
    hashes = keyed_hashes(encoded.dictionary, salt).to_numpy().astype(np.int64)
    return Uses(
        kind, pairs // artefacts, pairs % artefacts, np.bincount(pairs % artefacts, minlength=artefacts), hashes
    )


def links_of(case: Case, place: int, uses: tuple[Uses, ...]) -> tuple[ArtefactLink, ...]:
    """The artefacts that two or more accounts of group ``place`` used, at most `MOST` of a kind, strongest first."""
    links: list[ArtefactLink] = []
    members = np.zeros(len(case.account_ids), dtype=bool)
    members[case.groups[place].accounts] = True
    for use in uses:
        mine = members[use.account]
        account, artefact = use.account[mine], use.artefact[mine]
        order = np.argsort(artefact, kind="stable")
        account, artefact = account[order], artefact[order]
        codes, starts, counts = np.unique(artefact, return_index=True, return_counts=True)
        shared = np.flatnonzero(counts >= 2)
        strength = counts[shared] ** 2 / use.users[codes[shared]]
        digits = [f"{int(use.hashes[code]) & (2**64 - 1):016x}" for code in codes[shared]]
        for i in sorted(range(len(shared)), key=lambda i: (-strength[i], digits[i]))[:MOST]:
            at = int(shared[i])
            who = account[starts[at] : starts[at] + counts[at]].tolist()
            ids = tuple(case.account_ids[number] for number in sorted(who))
            links.append(ArtefactLink(use.kind, digits[i], ids, int(use.users[codes[at]]) - len(who)))
    return tuple(links)
