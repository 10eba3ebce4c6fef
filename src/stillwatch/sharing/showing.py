"""Which accounts of a log show which indicators of the bulletins that were received."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.progress import Progress
from stillwatch.sharing.bulletin import Bulletin, Client, Indicator, KeyedArtefact, Network, Tls
from stillwatch.sharing.clients import family_of
from stillwatch.sharing.keys import SharingKey
from stillwatch.sources.log import Log

__all__ = ["COMMON", "Showing", "looked_for", "shown_in"]

COMMON = 0.25
"""Share of the peer's other accounts from which an indicator is not looked for: it would touch everybody."""
_COLUMNS = {Network: "client_asn", Tls: "ja4", Client: "user_agent"}
_Artefact = Literal["payment", "organization", "wording"]
_PAID: dict[_Artefact, str] = {"payment": "payment_id", "organization": "organization_id"}

Showing = dict[Indicator, frozenset[str]]


def looked_for(bulletin: Bulletin, today: dt.date) -> tuple[Indicator, ...]:
    """The indicators of a bulletin that are worth looking for: valid today, of a kind that a log shows, not common.

    How long accounts live and when they move to a new model is asked by the fingerprint, not here.
    """
    return tuple(
        indicator
        for indicator in bulletin.indicators
        if indicator.valid_from <= today <= indicator.valid_until
        and indicator.others < COMMON
        and isinstance(indicator, (Network, Tls, Client, KeyedArtefact))
    )


def shown_in(
    log: Log, customers: pa.Table | None, key: SharingKey | None, wanted: Iterable[Indicator], progress: Progress
) -> Showing:
    """The accounts that show each of the indicators ``wanted``; the log is read once, and no text of it is kept.

    Means of payment and organisations need ``customers`` (schema `CUSTOMER`) and the ``key`` that both sides hold;
    those under another key are shown by nobody.
    """
    found: dict[Indicator, set[str]] = {indicator: set() for indicator in wanted}
    by_kind = {kind: {_value(i): i for i in found if isinstance(i, kind)} for kind in _COLUMNS}
    for batch in log.batches(progress):
        for kind, column in _COLUMNS.items():
            if by_kind[kind]:
                for value, accounts in _accounts_by_value(batch, column):
                    indicator = by_kind[kind].get(family_of(str(value)) if kind is Client else value)
                    if indicator is not None:
                        found[indicator] |= accounts
    if customers is not None and key is not None:
        for indicator, account in _keyed(customers, key, found):
            found[indicator].add(account)
    return {indicator: frozenset(accounts) for indicator, accounts in found.items()}


def _value(indicator: Indicator) -> int | str:
    """What a log says of it."""
    if isinstance(indicator, Network):
        return indicator.asn
    return indicator.ja4 if isinstance(indicator, Tls) else getattr(indicator, "family", "")


def _accounts_by_value(batch: pa.RecordBatch, column: str) -> Iterator[tuple[int | str, set[str]]]:
    pairs = pa.table({"value": batch.column(column), "account": batch.column("account_id")})
    pairs = pairs.filter(pc.is_valid(pairs.column("value"))).group_by("value").aggregate([("account", "distinct")])
    for value, accounts in zip(
        pairs.column("value").to_pylist(), pairs.column("account_distinct").to_pylist(), strict=True
    ):
        yield value, set(accounts)


def _keyed(customers: pa.Table, key: SharingKey, wanted: Iterable[Indicator]) -> Iterator[tuple[Indicator, str]]:
    digests = {(i.artefact, i.digest): i for i in wanted if isinstance(i, KeyedArtefact) and i.key_id == key.key_id}
    accounts = customers.column("account_id").to_pylist()
    for artefact, column in _PAID.items():
        if not any(kind == artefact for kind, _ in digests):
            continue
        for account, value in zip(accounts, customers.column(column).to_pylist(), strict=True):
            indicator = digests.get((artefact, key.digest(artefact, value))) if value is not None else None
            if indicator is not None:
                yield indicator, account
