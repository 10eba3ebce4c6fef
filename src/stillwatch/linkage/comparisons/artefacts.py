"""Rare things that two accounts share: addresses, clients, wordings, requests, cards."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from stillwatch.linkage.accounts import Accounts
from stillwatch.linkage.activity import Activity, Ints
from stillwatch.linkage.comparisons.base import Block
from stillwatch.signals.base import SignalInfo


class Artefacts:
    """Sum over what both accounts used of log(accounts / users): shared by two it is news, by thousands none."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="artefacts",
        summary="Addresses, networks, clients, wordings, requests, cards and organisations that two accounts share.",
        reference="Fellegi & Sunter 1969; term-frequency weights after Winkler 2000",
        version="1",
        example="ip 7.3",
        unit="nat",
        range=(0.0, float("inf")),
        reads=(
            "client_ip",
            "client_asn",
            "ja4",
            "user_agent",
            "system_prompt",
            "messages",
            "payment_id",
            "organization_id",
        ),
        innocent_reading="A household, an office, a VPN exit, a popular tool, a course sheet.",
    )
    names = ("ip", "asn", "ja4", "client", "sysp", "word", "dup", "pay", "org")

    def prepare(self, activity: Activity, accounts: Accounts) -> Block:
        """See `Comparison.prepare`."""
        used = (
            (activity.address, None), (activity.network, None), (activity.fingerprint, None), (activity.client, None),
            (activity.system, 0), (activity.wording, 0), (activity.repeat, None),
        )  # fmt: skip
        shared = [_shared(activity, code, none) for code, none in used]
        equal = (activity.payment, activity.organization)

        def fill(rows: NDArray[np.int64], start: int, out: NDArray[np.float32]) -> None:
            for i, (weighed, users) in enumerate(shared):
                out[i] = (weighed[rows] @ users[:, start:]).toarray()
            for i, code in enumerate(equal, len(shared)):
                out[i] = code[rows][:, None] == code[None, start:]

        return fill


def _shared(activity: Activity, code: Ints, none: int | None) -> tuple[csr_matrix, csr_matrix]:
    """(accounts, codes) weighed by rarity, and (codes, accounts) as ones; code ``none`` counts for nothing."""
    known = np.ones(len(code), dtype=bool) if none is None else code != none
    shape = (activity.accounts, int(code.max(initial=0)) + 1)
    used = csr_matrix((np.ones(int(known.sum()), np.float32), (activity.account[known], code[known])), shape=shape)
    used.sum_duplicates()
    used.data[:] = 1
    users = np.asarray(used.sum(axis=0)).ravel()
    weight = np.log((activity.accounts + 1) / (users + 1)) * (users > 1)
    return (used @ diags(weight.astype(np.float32))).tocsr(), used.T.tocsr()


COMPARISON = Artefacts()
