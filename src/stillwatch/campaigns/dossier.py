"""A case made into a `Report`: a dossier for each group, a row for each account, and what was read and not seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stillwatch import __version__
from stillwatch.campaigns import verdict
from stillwatch.campaigns.activity import story, timeline
from stillwatch.campaigns.case import Case
from stillwatch.campaigns.damage import Cost, cost_of, read_prices, taken_interval
from stillwatch.campaigns.explanations import aim_of
from stillwatch.campaigns.origins import kinds_of, networks_of
from stillwatch.campaigns.report import Campaign, Input, Reject, Report, Sample
from stillwatch.campaigns.technique import technique_names
from stillwatch.campaigns.ties import Uses, links_of, uses_of
from stillwatch.settings import Settings
from stillwatch.signals.new_text import new_turn

VERSION = 1
PLAIN = "plain"
SAMPLES = 20
SAMPLE_LENGTH = 4_000
_APART = "This log counts reasoning tokens apart from output tokens; the figures of output here hold both."
_AIM_SHARE = 0.1
BLIND = {
    "messages": "No prompt was logged, so what was asked could not be compared.",
    "response": "No answer was logged, so answers that were pasted back could not be followed.",
    "session_id": "No conversation ids were logged, so which exchanges belong together had to be guessed.",
    "model": "The models were not logged, so moves to another model could not be seen, and prices are the default's.",
    "input_tokens": "Input tokens were not logged, so the worth of what was taken leaves them out.",
    "output_tokens": "Output tokens were not logged, so the worth of what was taken leaves them out.",
    "reasoning_tokens": "Reasoning tokens were not logged, so they count as none.",
    "client_ip": "Client addresses were not logged, so shared addresses could not be seen.",
    "ja4": "TLS fingerprints were not logged, so shared clients show only by what they call themselves.",
    "user_agent": "The clients' names were not logged.",
}
"""What it costs the scan that a log lacks a column."""


class Reading(NamedTuple):
    """What reading the log came to: number of files, formats, what was set aside, and what there is to say of it."""

    files: int
    format: str
    rejected: tuple[Reject, ...]
    notes: tuple[str, ...] = ()


def build_report(case: Case, reading: Reading, settings: Settings, salt: bytes) -> Report:
    """The whole report. Artefacts appear as hashes under ``salt``; text of the log only with ``settings.with_text``.

    Raises `InputError` for a price table that cannot be used.
    """
    cost = cost_of(case.exchanges, read_prices(settings.price_table))
    uses = uses_of(case, salt) if case.groups else ()
    dossiers = tuple(_campaign(case, place, cost, uses, settings) for place in range(len(case.groups)))
    return Report(
        version=VERSION,
        stillwatch=__version__,
        seed=settings.seed,
        settings=settings.as_text(),
        input=_input(case, reading),
        campaigns=dossiers,
        accounts=verdict.account_rows(case),
        look_alikes=verdict.look_alikes(case, case.findings.kinds),
        error_rate=verdict.error_rate(settings.false_discovery, case.findings.null_draws),
        candidates=case.findings.candidates,
        notes=(*reading.notes, *((_APART,) if cost.apart else ())),
    )


def _campaign(case: Case, place: int, cost: Cost, uses: tuple[Uses, ...], settings: Settings) -> Campaign:
    group, rows = case.groups[place], case.rows[place]
    weight = case.findings.taken[rows]
    taken = taken_interval(weight, case.findings.session[rows])
    techniques = techniques_of(case, place)
    days, links = timeline(case, place), links_of(case, place, uses)
    return Campaign(
        campaign_id=case.names[place],
        verdict=group.verdict,
        accounts=len(group.accounts),
        exchanges=len(rows),
        taken=taken.value,
        taken_low=taken.low,
        taken_high=taken.high,
        expected_innocent=verdict.finite(group.expected_innocent, float(len(group.accounts))),
        input_tokens=float(cost.input_tokens[rows] @ weight),
        output_tokens=float(cost.output_tokens[rows] @ weight),
        reasoning_tokens=float(cost.reasoning_tokens[rows] @ weight),
        value=float(cost.value[rows] @ weight),
        currency=cost.currency,
        p_value=verdict.finite(group.p_value, 1.0),
        e_value=verdict.finite(group.e_value, 0.0),
        q_value=verdict.finite(group.q_value, 1.0),
        error_rate=verdict.error_rate(settings.false_discovery, case.findings.null_draws),
        techniques=techniques,
        aims=aims_of(techniques),
        story=story(case, place, days, links),
        evidence=verdict.group_evidence(group),
        rivals=verdict.rivals_of(group),
        timeline=days,
        artefacts=links,
        members=tuple(case.account_ids[number] for number in group.accounts.tolist()),
        samples=_samples(case, place) if settings.with_text else (),
        networks=networks_of(case, place),
    )


def techniques_of(case: Case, place: int) -> dict[str, float]:
    """Expected exchanges taken by technique, the most first; "plain" for those without a label."""
    rows = case.rows[place]
    expected: dict[str, float] = {}
    for name, weight in zip(technique_names(case.technique[rows]), case.findings.taken[rows].tolist(), strict=True):
        expected[name or PLAIN] = expected.get(name or PLAIN, 0.0) + weight
    return dict(sorted(((n, v) for n, v in expected.items() if v > 0), key=lambda item: (-item[1], item[0])))


def aims_of(techniques: dict[str, float]) -> tuple[str, ...]:
    """What the techniques that make up a tenth of what was taken, or more, are after; ordinary requests only if
    nothing else is."""
    total = sum(techniques.values())
    named = [name for name, value in techniques.items() if name != PLAIN and value >= _AIM_SHARE * total]
    return tuple(aim_of(name) for name in named or ([PLAIN] if PLAIN in techniques else []))


def _samples(case: Case, place: int) -> tuple[Sample, ...]:
    """Texts of the exchanges most surely taken, one of each account first, no text twice."""
    rows = case.rows[place]
    order = rows[np.lexsort((rows, -case.findings.taken[rows]))]
    _, first = np.unique(case.account[order], return_index=True)
    rest = np.setdiff1d(np.arange(len(order)), first)
    candidates = order[np.concatenate([np.sort(first), rest])][: 5 * SAMPLES]
    columns = ("exchange_id", "messages", "response")
    texts = case.exchanges.select(columns).take(pa.array(candidates)).to_pylist()
    labels = technique_names(case.technique[candidates])
    found: dict[str, Sample] = {}
    for row, number, label in zip(texts, candidates.tolist(), labels, strict=True):
        asked = new_turn(row["messages"]).text
        text = "\n\n".join(part[: SAMPLE_LENGTH // 2] for part in (asked, row["response"]) if part)
        if text and len(found) < SAMPLES:
            owner = case.account_ids[int(case.account[number])]
            sample = Sample(row["exchange_id"], owner, label, float(case.findings.taken[number]), text)
            found.setdefault(text, sample)
    return tuple(found.values())


def _input(case: Case, reading: Reading) -> Input:
    started = case.started
    return Input(
        files=reading.files,
        format=reading.format,
        exchanges=len(started),
        sessions=len(np.unique(case.findings.session)),
        accounts=len(case.account_ids),
        first=verdict.moment(started.min()) if len(started) else None,
        last=verdict.moment(started.max()) if len(started) else None,
        rejected=reading.rejected,
        blind=_distinct([*case.findings.blind, *unseen(case.exchanges, case.customers)]),
        networks=kinds_of(case.exchanges),
    )


def unseen(exchanges: pa.Table, customers: pa.Table | None) -> tuple[str, ...]:
    """One sentence for each column that the log lacks altogether, and for what the customer table does not say.

    ``customers`` has one row for each account of the log (null where the provider's table has none), or is None.
    """
    rows = exchanges.num_rows
    said = [text for name, text in BLIND.items() if rows and exchanges.column(name).null_count == rows]
    if customers is None:
        return (*said, "There was no table of accounts, so means of payment and sign-up dates are unknown.")
    absent = customers.column("account_id").null_count
    if absent:
        said.append(f"The table of accounts lacks {absent:,} of the {customers.num_rows:,} accounts in the log.")
    for name, what in (("payment_id", "means of payment"), ("created_at", "sign-up dates")):
        if absent < customers.num_rows == customers.column(name).null_count:
            said.append(f"The table of accounts says nothing of {what}.")
    return tuple(said)


def _distinct(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))
