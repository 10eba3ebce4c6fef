"""The whole of linkage: from exchanges to groups with their evidence, rivals and error rates.

Twice over the log: once on the search's part of the sessions, where groups are found and then put to the test on the
sessions that the search did not see; and once on all of them, where confirmed groups get their members.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from stillwatch.calibration import e_bh
from stillwatch.linkage.activity import Activity, Floats
from stillwatch.linkage.certainty import (
    FEWEST_ACCUSED,
    FIRM,
    allowed_innocent,
    calibrated,
    standing,
    sure_members,
)
from stillwatch.linkage.confirmation import DRAWS, Confirmation, Fresh, search_part
from stillwatch.linkage.findings import Findings, Group
from stillwatch.linkage.growth import LEAST, likely, log_odds_of, seated, step
from stillwatch.linkage.harvest import FEATURES, taken
from stillwatch.linkage.lookalikes import look_alikes
from stillwatch.linkage.membership import NAMES, Evidence
from stillwatch.linkage.reading import Reading, read_activity
from stillwatch.linkage.rivals import score_rivals
from stillwatch.linkage.scoring import Model, load_model, pair_features
from stillwatch.linkage.search import STARTS, find_candidates, settle
from stillwatch.linkage.waterfall import waterfall
from stillwatch.progress import Progress

ACCUSED = 0.65
"""Mean probability of a group's members from which they are accused."""
FEWEST_SEARCHED = 3
"""Sessions seen by the search from which an account takes part in it; those of fewer are judged once groups stand."""


@dataclass(frozen=True)
class _Candidate:
    """A group grown on all sessions, and what the fresh sessions said of what the search had found of it."""

    member: Floats
    mean: float
    confirmation: Confirmation


def find_groups(
    exchanges: pa.Table,
    customers: pa.Table | None,
    *,
    seed: int,
    false_discovery: float,
    progress: Progress,
    start: int = 0,
    firm: float = FIRM,
) -> Findings:
    """Find the groups of accounts in ``exchanges`` (schema `EXCHANGE`, by time and id) that act as one operator's.

    The same table and seed give the same findings. An empty table or one of fewer than 4 accounts gives no group.
    ``start`` is that of the codebooks (`read_activity`), ``firm`` how firmly a group must stand to be accused (nats).
    """
    with _one_thread():
        reading = read_activity(exchanges, customers, progress=progress, start=start)
        names = exchanges.column("exchange_id").take(reading.opening).to_pylist()
        models = packaged_models()
        groups, evidence, number = judge_groups(
            reading.activity,
            search_part(names, seed),
            models,
            seed=seed,
            false_discovery=false_discovery,
            progress=progress,
            firm=firm,
        )
        return _findings(reading, evidence, models, groups, number)


def _one_thread() -> AbstractContextManager[object]:
    """Products of matrices on one thread: the trees beside them need the others, and sums do not depend on the machine.

    On two cores a scan takes a tenth less time.
    """
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def judge_groups(
    activity: Activity,
    searched: np.ndarray,
    models: Mapping[str, Model],
    *,
    seed: int,
    false_discovery: float,
    progress: Progress,
    firm: float = FIRM,
) -> tuple[list[Group], Evidence, int]:
    """The groups of a log with all members, before the surest are chosen; the evidence; and how many were tested.

    ``searched`` (s,) says which sessions the search may see, ``firm`` how firmly a group must stand to be accused.
    """
    with _one_thread():
        candidates, evidence, number = _candidates(activity, searched, models, seed, progress)
        return _judge(evidence, models, candidates, false_discovery, number, firm), evidence, number


def packaged_models() -> dict[str, Model]:
    """The packaged models, each fitted to the features that are computed here, or `PluginError`."""
    models = {}
    for name, features in (("pair", pair_features()), ("member", NAMES), ("taken", FEATURES)):
        models[name] = load_model(name)
        models[name].require(features)
    return models


def _evidence(activity: Activity, models: Mapping[str, Model], *, searching: bool) -> Evidence:
    evidence = Evidence(activity, FEWEST_SEARCHED) if searching else Evidence(activity, redrawn=True)
    evidence.compare(models["pair"])
    return evidence


def _candidates(
    activity: Activity, searched: np.ndarray, models: Mapping[str, Model], seed: int, progress: Progress
) -> tuple[list[_Candidate], Evidence, int]:
    progress.step("looking for groups", STARTS)
    seen = _evidence(activity.only(searched), models, searching=True)
    with ThreadPoolExecutor(1) as beside:  # pairs are compared outside the interpreter's lock
        compared = beside.submit(_evidence, activity, models, searching=False)
        found = find_candidates(seen, models["member"], tell=progress.advance)
        fresh = Fresh(activity, searched)
        confirmed = [fresh.confirm(np.flatnonzero(likely(member)), seed + i) for i, member in enumerate(found)]
        progress.step("growing groups", len(found))
        whole = compared.result()
    grown = settle(whole, models["member"], found)
    candidates = []
    for member in grown:
        progress.advance()
        overlap = [float((likely(member) & likely(start)).sum()) for start in found]
        origin = confirmed[int(np.argmax(overlap))]
        candidates.append(_Candidate(member, float(member[likely(member)].mean()), origin))
    return candidates, whole, len(found)


def _judge(
    evidence: Evidence,
    models: Mapping[str, Model],
    candidates: list[_Candidate],
    false_discovery: float,
    tested: int,
    firm: float,
) -> list[Group]:
    """``tested`` counts all groups that were put to the test, also those that did not survive growing."""
    e_values = [c.confirmation.e_value for c in candidates]
    tested = max(tested, len(e_values))
    q_values = e_bh(e_values, false_discovery, tested).q_values
    groups: list[Group] = []
    claimed = np.zeros(evidence.activity.accounts, dtype=bool)
    order = sorted(range(len(candidates)), key=lambda i: -candidates[i].mean)
    for i in order:
        candidate = candidates[i]
        member = np.where(claimed, 0.0, candidate.member)
        if likely(member).sum() < LEAST:
            continue
        # Two answers of the fresh sessions that fail in different ways: e-values by e-BH, and p-values by Bonferroni.
        told_twice = q_values[i] <= false_discovery and candidate.confirmation.p_value * tested <= false_discovery
        passed = candidate.mean >= ACCUSED and told_twice
        bar = firm if passed else np.inf
        groups.append(_group(evidence, models["member"], candidate, member, float(q_values[i]), bar))
        claimed |= likely(member)
    return groups


def _group(
    evidence: Evidence, model: Model, candidate: _Candidate, member: Floats, q_value: float, firm: float
) -> Group:
    """The group of a candidate, accused where it stands as ``firm`` as that (infinity: never) and its rivals lose."""
    described = seated(candidate.member)
    _, features, rows = step(evidence, model, described)
    rivals = score_rivals(evidence, features, rows, candidate.member)
    accounts = np.flatnonzero(likely(member))
    log_odds = log_odds_of(member[accounts])
    posterior = calibrated(log_odds)
    accused = standing(log_odds) >= firm and len(accounts) >= FEWEST_ACCUSED and min(rivals.values(), default=0.0) > 0
    return Group(
        accounts=accounts,
        log_odds=log_odds,
        posterior=posterior,
        verdict="campaign" if accused else "review",
        p_value=candidate.confirmation.p_value,
        e_value=candidate.confirmation.e_value,
        q_value=q_value,
        expected_innocent=float((1.0 - posterior).sum()),
        evidence=waterfall(evidence, model, described, accounts),
        rivals=rivals,
    )


def _findings(
    reading: Reading, evidence: Evidence, models: Mapping[str, Model], groups: list[Group], candidates: int
) -> Findings:
    activity = reading.activity
    by_session = np.zeros(len(activity.account))
    for group in groups:
        member = np.zeros(activity.accounts)
        member[group.accounts] = group.posterior
        probability, sessions = taken(evidence, models["taken"], member)
        by_session[sessions] = probability
    groups = sure_members(groups, allowed_innocent(activity.sees))
    technique = np.zeros((len(reading.session), activity.technique.shape[1]))
    technique[reading.opening] = activity.technique
    frames = np.full_like(technique, np.nan)
    frames[reading.opening] = reading.frames
    wording = np.where(activity.wording > 0, activity.wording, -1)[reading.session]
    opened = np.zeros(len(reading.session), dtype=bool)
    opened[reading.opening] = True
    return Findings(
        groups=tuple(groups),
        taken=by_session[reading.session],
        session=reading.session,
        wording=np.where(opened, wording, -1),
        technique=technique,
        candidates=candidates,
        null_draws=DRAWS,
        frames=frames,
        kinds=look_alikes(activity, reading.beyond_ascii),
        behaviour=reading.behaviour,
    )
