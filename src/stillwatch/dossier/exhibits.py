"""Sample exchanges of a campaign: those most surely taken, one of each account first, redacted or whole."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.campaigns import wording
from stillwatch.dossier.choices import Choices
from stillwatch.dossier.material import Material
from stillwatch.dossier.record import Exhibit
from stillwatch.dossier.redaction import FEWEST, common_words, redacted
from stillwatch.errors import InputError
from stillwatch.progress import Progress
from stillwatch.signals.new_text import new_turn
from stillwatch.sources.log import Log

__all__ = ["NO_LOG", "exhibits_of"]

NO_LOG = "No log was given, so no exchange is shown. They are in the provider's log, under the ids of the run."
NOT_WANTED = (
    "Whoever made the dossier chose to show no exchange. They are in the provider's log, under the ids of the run."
)
NO_TEXT = "The log holds no text of these accounts, so no exchange can be shown."
_LONGEST_ASKED, _LONGEST_ANSWERED = 2_000, 1_200
_MOST_READ = 20_000
"""Exchanges of the campaign whose words are counted: those most surely taken."""


class _Text(NamedTuple):
    exchange_id: str
    account_id: str
    at: dt.datetime
    asked: str
    answered: str


def exhibits_of(
    material: Material, log: Log | None, choices: Choices, progress: Progress
) -> tuple[tuple[Exhibit, ...], str]:
    """The exhibits and a note on why there are these. Raises `InputError` for files that cannot be read."""
    if choices.exhibits == "none" or choices.most_exhibits == 0:
        return (), NOT_WANTED
    if log is None:
        return (), NO_LOG
    told = _most_taken(material)
    if not told:
        return (), NO_TEXT
    texts = _texts(log, told, progress)
    # The order of the log's files decides nothing.
    texts.sort(key=lambda text: (-told[text.exchange_id][1], text.exchange_id))
    chosen = _chosen(texts, choices.most_exhibits)
    if not chosen:
        return (), NO_TEXT
    whole = choices.exhibits == "whole"
    pairs = [(text.account_id, part) for text in texts for part in (text.asked, text.answered)]
    shown = frozenset() if whole else common_words(pairs, material.campaign.accounts)
    return tuple(_exhibit(text, *told[text.exchange_id], None if whole else shown) for text in chosen), _note(choices)


def _note(choices: Choices) -> str:
    if choices.exhibits == "whole":
        return f"Shown whole as far as room allows, for this reason: {wording.sentence(choices.reason)}"
    return (
        f"Redacted: a word is shown only where {FEWEST} accounts of the campaign (all of a smaller one) wrote it; "
        "numbers, addresses and whatever else stands in fewer are left out. The SHA-256 of each whole text is given, "
        "so that the whole, if it is shown one day, can be told to be the same."
    )


def _most_taken(material: Material) -> dict[str, tuple[str, float]]:
    """Of the exchanges most surely taken: technique and probability, by exchange id."""
    path: Path = material.folder / "exchanges.parquet"
    try:
        table = pq.read_table(path, columns=["exchange_id", "campaign_id", "technique", "taken"])
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError(f"cannot be read: {error}", path, "scan again") from error
    mine = table.filter(pc.equal(table.column("campaign_id"), material.campaign.campaign_id))
    mine = mine.sort_by([("taken", "descending"), ("exchange_id", "ascending")]).slice(0, _MOST_READ)
    columns = (mine.column(name).to_pylist() for name in ("exchange_id", "technique", "taken"))
    return {name: (technique or "plain", taken) for name, technique, taken in zip(*columns, strict=True)}


def _texts(log: Log, told: dict[str, Any], progress: Progress) -> list[_Text]:
    wanted = pa.array(sorted(told), pa.large_string())
    found: list[_Text] = []
    for batch in log.batches(progress):
        mine = batch.filter(pc.is_in(batch.column("exchange_id"), value_set=wanted))
        for row in mine.select(["exchange_id", "account_id", "started_at", "messages", "response"]).to_pylist():
            asked = new_turn(row["messages"]).text
            if asked or row["response"]:
                found.append(
                    _Text(row["exchange_id"], row["account_id"], row["started_at"], asked, row["response"] or "")
                )
    return found


def _chosen(texts: Sequence[_Text], most: int) -> list[_Text]:
    """One of each account first, no text twice, in the order given."""
    seen: set[str] = set()
    accounts: set[str] = set()
    first: list[_Text] = []
    rest: list[_Text] = []
    for text in texts:
        if text.asked in seen:
            continue
        seen.add(text.asked)
        (rest if text.account_id in accounts else first).append(text)
        accounts.add(text.account_id)
    return [*first, *rest][:most]


def _exhibit(text: _Text, technique: str, taken: float, shown: frozenset[str] | None) -> Exhibit:
    whole = f"{text.asked}\n{text.answered}"
    asked, answered = (
        _cut(part, longest) if shown is None else redacted(part, shown, longest=longest)
        for part, longest in ((text.asked, _LONGEST_ASKED), (text.answered, _LONGEST_ANSWERED))
    )
    return Exhibit(
        exchange_id=text.exchange_id,
        account_id=text.account_id,
        at=text.at.astimezone(dt.UTC),
        technique=technique,
        taken=taken,
        sha256=hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest(),
        characters=len(text.asked) + len(text.answered),
        asked=asked,
        answered=answered,
        redacted=shown is not None,
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}\n[cut here]"
