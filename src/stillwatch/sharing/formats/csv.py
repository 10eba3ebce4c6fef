"""A look-up table for a SIEM: one row an indicator, with whom else it touches, until when, and how sure the claim is.

Every cell is made of numbers, dates and words of closed lists, and is still guarded: a spreadsheet runs a cell that
begins like a formula. Rows of a bulletin that was taken back are not written, so replace the table, never add to it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from stillwatch.errors import InputError
from stillwatch.sharing.base import MOST_OBJECTS, Decoded, ForeignIndicator, Info, Reject
from stillwatch.sharing.bulletin import Bulletin, Client, Indicator, KeyedArtefact, Life, Network, Tls
from stillwatch.sharing.formats.bounds import checked_size, shown, text_of
from stillwatch.sharing.formats.claims import in_utc
from stillwatch.sharing.formats.tags import atlas_of
from stillwatch.sharing.formats.values import address_value, asn_value, ja4_value

__all__ = ["COLUMNS", "FORMAT", "guarded", "unguarded"]

COLUMNS = {
    "indicator_kind": "asn, ja4, client, keyed_artefact, life or model_move",
    "indicator_value": "an AS number's digits, a JA4, a family of client software, key:kind:digest, or days and daily",
    "valid_from": "the first day for which it holds, UTC",
    "valid_until": "the last day for which it holds, UTC, and no later than expires: use no row after it",
    "share_of_campaign": "the share of the campaign's accounts that show it",
    "share_of_others": "the share of all other accounts that show it: whom it would hit wrongly",
    "tlp": "TLP 2.0: clear, green, amber, amber+strict or red",
    "error_rate": "the share of innocents among accounts accused at this threshold, at most",
    "expected_innocent_share": "the share of innocents expected among this campaign's accounts",
    "error_rate_draws": "on how many innocent groups that was measured; 0: it was not",
    "innocent_explanations_beaten": "each that the claim was weighed against, and by how many nats it was beaten",
    "techniques": "techniques of distillation and their shares of what was taken",
    "atlas": "MITRE ATLAS ids",
    "first_day": "of the campaign, UTC",
    "last_day": "of the campaign, UTC",
    "producer": "what the provider that says it calls itself",
    "producer_id": "its UUID",
    "bulletin_id": "the bulletin's UUID",
    "modified": "when the bulletin was last changed, UTC",
    "expires": "the day after which nothing of the bulletin should be used",
    "least_accounts": "the least number of accounts behind any figure (k)",
}
"""The header, and what stands in each column."""
KIND, VALUE = "indicator_kind", "indicator_value"
NOT_READ = ("client", "keyed_artefact", "life", "model_move")
"""Kinds that are counted and no more: a table does not say enough of them to weigh them."""
FORMULA = re.compile("[\\s\0]*['=+\\-@|%\uff1d\uff0b\uff0d\uff20]|[\\s\0]")
"""How a cell begins that a spreadsheet may run (OWASP, CSV injection), or that was guarded already; no cell of ours
holds a semicolon before such a sign either, which some countries' spreadsheets split at."""
LONGEST_LINE = 65_536


def guarded(cell: str) -> str:
    """``cell`` with an apostrophe before it where a spreadsheet could run it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """``cell`` as it was before it was guarded."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell, 1) else cell


class Csv:
    """Comma-separated values (RFC 4180), UTF-8."""

    info: ClassVar[Info] = Info(
        name="csv",
        summary="A look-up table for a SIEM, one row an indicator.",
        reference="https://www.rfc-editor.org/rfc/rfc4180",
        version="1",
        suffix=".csv",
        media_type="text/csv",
        lossless=False,
        shows=(
            "The indicators with their shares and expiry, the claim's error rate and the explanations it beat; no "
            "fingerprint, evidence or responses, and nothing of what was taken back."
        ),
    )

    def recognises(self, head: bytes) -> bool:
        """Whether its first line is a header with our two columns."""
        line = head[:LONGEST_LINE].splitlines()[0] if head else b""
        cells = _cells(line.decode("utf-8", "replace").removeprefix("\ufeff"))
        return cells is not None and KIND in cells and VALUE in cells

    def encode(self, bulletins: tuple[Bulletin, ...]) -> bytes:
        """The table; only its header where there is nothing to tell. Raises `InputError` where it is too large."""
        written = io.StringIO()
        table = csv.writer(written, lineterminator="\r\n")
        table.writerow(COLUMNS)
        rows = 0
        for bulletin in bulletins:
            if not bulletin.revoked:
                rows += len(bulletin.indicators)
                table.writerows(_rows(bulletin))
        if rows > MOST_OBJECTS:
            raise InputError(f"would hold more than {MOST_OBJECTS} rows", do="write fewer bulletins into one document")
        return checked_size(written.getvalue().encode())

    def decode(self, document: bytes) -> Decoded:
        """The rows' AS numbers, JA4s and addresses; other rows are counted or set aside. Raises `InputError`."""
        text = text_of(document)
        if text.count("\n") + text.count("\r") > 2 * (MOST_OBJECTS + 1):
            raise InputError(f"holds more than {MOST_OBJECTS} rows")
        lines = _lines(text)
        header = _cells(next(lines, ""))
        if header is None or KIND not in header or VALUE not in header:
            raise InputError(f"is no table of indicators: its header lacks {KIND} and {VALUE}")
        if len(set(header)) != len(header):
            raise InputError("is no table of indicators: its header names a column twice")
        foreign: list[ForeignIndicator] = []
        rejected: list[Reject] = []
        seen: Counter[str] = Counter()
        for number, line in enumerate(lines, 2):
            if not line.strip():
                continue
            seen["row"] += 1
            if seen["row"] > MOST_OBJECTS:
                raise InputError(f"holds more than {MOST_OBJECTS} rows")
            try:
                read = _read(header, line, number)
            except ValueError as error:
                rejected.append(Reject(shown(error, 200), f"row {number}"))
                continue
            foreign += [read] if isinstance(read, ForeignIndicator) else []
            seen[read if isinstance(read, str) else read.kind] += 1
        return Decoded((), tuple(foreign), dict(seen), tuple(rejected))


def _rows(bulletin: Bulletin) -> Iterator[list[str]]:
    campaign, rate = bulletin.campaign, bulletin.campaign.error_rate
    claim = [
        bulletin.tlp,
        repr(rate.level),
        repr(rate.innocent),
        str(rate.draws),
        ";".join(f"{rival.name}={rival.nats:.3g}" for rival in campaign.rivals) or "none weighed",
        ";".join(f"{technique.name}={technique.share:.3g}" for technique in campaign.techniques),
        ";".join(atlas_of(campaign)),
        campaign.first_day.isoformat(),
        campaign.last_day.isoformat(),
        bulletin.producer.name,
        bulletin.producer.identity,
        bulletin.id,
        in_utc(bulletin.modified).isoformat(),
        bulletin.expires.isoformat(),
        str(bulletin.k),
    ]
    for indicator in bulletin.indicators:
        own = [
            *_named(indicator),
            indicator.valid_from.isoformat(),
            min(indicator.valid_until, bulletin.expires).isoformat(),
            repr(indicator.members),
            repr(indicator.others),
        ]
        yield [guarded(cell) for cell in own + claim]


def _named(indicator: Indicator) -> tuple[str, str]:
    if isinstance(indicator, Network):
        return "asn", str(indicator.asn)
    if isinstance(indicator, Tls):
        return "ja4", indicator.ja4
    if isinstance(indicator, Client):
        return "client", indicator.family
    if isinstance(indicator, KeyedArtefact):
        return "keyed_artefact", f"{indicator.key_id}:{indicator.artefact}:{indicator.digest}"
    if isinstance(indicator, Life):
        return "life", f"days={indicator.days};daily={indicator.daily}"
    return "model_move", f"days={indicator.days}"


def _lines(text: str) -> Iterator[str]:
    """Line by line; a cell that runs over several is no cell of ours. Raises `InputError` for an endless line."""
    for line in io.StringIO(text, newline=None):
        if len(line) > LONGEST_LINE:
            raise InputError(f"has a line of more than {LONGEST_LINE} characters")
        yield line.rstrip("\n")


def _cells(line: str) -> list[str] | None:
    """The cells of one line; None where its quoting is broken."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _read(header: list[str], line: str, number: int) -> ForeignIndicator | str:
    """A row as an indicator, or the kind of one that is only counted. Raises ValueError for a broken one."""
    cells = _cells(line)
    if cells is None or len(cells) != len(header):
        raise ValueError(f"is no row of {len(header)} cells")
    row = {column: unguarded(cell) for column, cell in zip(header, cells, strict=True)}
    kind, value = row[KIND], row[VALUE]
    until = row.get("valid_until", "")
    try:
        valid_until = dt.date.fromisoformat(until) if until else None
    except ValueError as error:
        raise ValueError(f"{shown(until, 20)} is no day") from error
    if kind in NOT_READ:
        return kind
    try:
        if kind == "asn":
            pair = kind, asn_value(value)
        elif kind == "ja4":
            pair = kind, ja4_value(value)
        elif kind in ("address", "network range"):
            pair = address_value(value)
        else:
            raise ValueError("is no indicator of a known kind")
    except ValueError as error:
        raise ValueError(f"{shown(value)} {error}") from error
    return ForeignIndicator(*pair, shown(row.get("bulletin_id") or f"row {number}"), valid_until)


FORMAT = Csv()
