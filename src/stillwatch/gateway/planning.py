"""From claims and a policy to actions: whom each measure reaches, and why it leaves out whom it does not.

Pure: the same claims, policy, key and time give the same plan, so a dry run shows exactly what would happen, and
planning again after nothing changed changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

import msgspec

from stillwatch.gateway.policy import Exemption, Policy
from stillwatch.gateway.policy_file import EVERY
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import LEVELS, Action, Measure, Response, Subject

__all__ = ["Difference", "LeftOut", "Plan", "Why", "difference", "place_in_roll_out", "plan"]

DAY = 86_400_000_000
Why = Literal[
    "switched_off", "exempt", "level", "tier", "policy_bound", "response_bound", "needs_person", "roll_out", "over"
]
"""Why a measure leaves an account out: the policy is off; somebody exempted it; the measure is for other levels or
tiers; it is too likely innocent for the policy, or for the response whatever the policy says; no person has confirmed
it; the roll-out has not come to it; the response's own time is over."""


class LeftOut(msgspec.Struct, frozen=True):
    """An account that a measure does not reach; ``named`` is the exemption's name where one protects it."""

    account_id: str
    campaign_id: str
    response: str
    why: Why
    named: str = ""


class Plan(NamedTuple):
    """What is to stand, by account and then strength, and whom measures leave out."""

    actions: tuple[Action, ...]
    left_out: tuple[LeftOut, ...]


class Difference(NamedTuple):
    """What brings the actions that stand to a plan: first ``to_undo``, then ``to_apply``."""

    to_undo: tuple[Action, ...]
    to_apply: tuple[Action, ...]


def plan(subjects: Iterable[Subject], policy: Policy, key: bytes, now: int) -> Plan:
    """What ``policy`` does about ``subjects`` at the time ``now`` (microseconds); nobody gives no action.

    Measures are taken in the policy's order; of several for one response the first that reaches an account counts, and
    one that is dry never keeps another from acting. Of several claims about an account the strongest counts. In mode
    "watch" all actions are dry; in mode "off" there are none. ``key`` (1 to 64 bytes) decides who is reached by a
    roll-out: keep it, and growing a share only ever adds accounts.

    Raises `msgspec.ValidationError` for parameters that `policy_file` would have refused.
    """
    actions: list[Action] = []
    left_out: list[LeftOut] = []
    responses = {name: RESPONSES.get(name) for name in {m.response for m in policy.measures}}
    for subject in _strongest(subjects):
        found: dict[str, Action] = {}
        for measure in policy.measures:
            response = responses[measure.response]
            acted = found.get(measure.response)
            if acted is not None and (measure.dry or not acted.dry):
                continue
            why, named = _why_not(subject, measure, response, policy, key, now)
            planned = () if why else response.plan(subject, measure, now)
            if why or not planned:
                left_out.append(
                    LeftOut(subject.account_id, subject.campaign_id, measure.response, why or "over", named)
                )
            for action in planned:
                found[measure.response] = _as_the_policy_says(action, policy, now)
        actions += sorted(found.values(), key=lambda a: (responses[a.response].info.strength, a.id))
    reached = {(action.account_id, action.response) for action in actions}
    return Plan(tuple(actions), tuple(one for one in left_out if (one.account_id, one.response) not in reached))


def difference(standing: Iterable[Action], planned: Iterable[Action], undone: Collection[str] = ()) -> Difference:
    """What to undo and what to apply so that ``planned`` stands; both ordered by id.

    What is not planned any more is undone, so a policy that asks for less takes back. An action that stands already
    is applied again only where its claim changed, or where it would end a day or more before the planned one (`Gate`
    then lets it stand longer); one that turns dry, or is dry no more, is undone first. What a person took back
    (``undone``, ids) is not applied again.
    """
    before = {action.id: action for action in standing}
    after = {action.id: action for action in planned if action.id not in undone}
    turned = {key for key in after if key in before and after[key].dry != before[key].dry}
    to_undo = [before[key] for key in sorted(before) if key not in after or key in turned]
    to_apply = [after[key] for key in sorted(after) if key in turned or _says_more(after[key], before.get(key))]
    return Difference(tuple(to_undo), tuple(to_apply))


def place_in_roll_out(account_id: str, response: str, key: bytes) -> float:
    """Where an account stands in the roll-out of a response: a number in [0, 1) that nobody without ``key`` can tell.

    Another one for each response, so that it is not always the same people who are reached first.
    """
    text = f"{response}\0{account_id}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8, key=key, person=b"roll-out").digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _strongest(subjects: Iterable[Subject]) -> list[Subject]:
    """One claim for each account, by account id."""
    best: dict[str, Subject] = {}
    for subject in subjects:
        held = best.get(subject.account_id)
        if held is None or _rank(subject) > _rank(held):
            best[subject.account_id] = subject
    return [best[account] for account in sorted(best)]


def _rank(subject: Subject) -> tuple[int, float, int, str]:
    return LEVELS.index(subject.level), -subject.innocent, -subject.since, subject.campaign_id


def _why_not(
    subject: Subject, measure: Measure, response: Response, policy: Policy, key: bytes, now: int
) -> tuple[Why | None, str]:
    """Why a measure does not reach an account; None where it does."""
    if policy.mode == "off":
        return "switched_off", ""
    for exemption in policy.exempt:
        if _protects(exemption, subject, measure.response, now):
            return "exempt", exemption.name
    if subject.level not in measure.levels:
        return "level", ""
    if measure.tiers and subject.tier not in measure.tiers:
        return "tier", ""
    if response.info.needs_human and subject.level != "confirmed":
        return "needs_person", ""
    if not subject.innocent <= measure.innocent_at_most:
        return "policy_bound", ""
    if not max(subject.innocent, subject.error_rate.level) <= response.info.max_error_rate:
        return "response_bound", ""
    if LEVELS.index(subject.level) < LEVELS.index(response.info.least_level):
        return "response_bound", ""
    if not place_in_roll_out(subject.account_id, measure.response, key) < measure.share:
        return "roll_out", ""
    return None, ""


def _protects(exemption: Exemption, subject: Subject, response: str, now: int) -> bool:
    if response not in exemption.responses and EVERY not in exemption.responses:
        return False
    if exemption.until and now >= _end_of(exemption.until):
        return False
    return (
        subject.account_id in exemption.accounts
        or (bool(subject.organization_id) and subject.organization_id in exemption.organizations)
        or (bool(subject.tier) and subject.tier in exemption.tiers)
    )


def _end_of(day: str) -> int:
    """When a day is over, in UTC (microseconds)."""
    return (dt.date.fromisoformat(day).toordinal() + 1 - dt.date(1970, 1, 1).toordinal()) * DAY


def _as_the_policy_says(action: Action, policy: Policy, now: int) -> Action:
    """Its end at the latest when the policy says, and dry where the policy only watches."""
    until = min(action.until, now + int(policy.days * DAY))
    return msgspec.structs.replace(action, until=until, dry=action.dry or policy.mode == "watch")


def _says_more(planned: Action, standing: Action | None) -> bool:
    if standing is None:
        return True
    if planned.until - standing.until >= DAY:
        return True
    said = ("level", "innocent", "error_rate", "ruled_out", "campaign_id")
    return any(getattr(planned, name) != getattr(standing, name) for name in said)
