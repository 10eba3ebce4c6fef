"""A bulletin in plain words: every value that leaves, each on a line; and, for the user alone, what stayed behind.

Nothing that a bulletin holds is missing here, whatever its format: a test changes every value of a bulletin, one after
another, and asks that the words change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from stillwatch.campaigns import wording
from stillwatch.campaigns.explanations import aim_of, evidence_words, rival_words
from stillwatch.sharing.bulletin import (
    Bulletin,
    CampaignFacts,
    Client,
    Fingerprint,
    Indicator,
    KeyedArtefact,
    Life,
    ModelMove,
    Network,
    Range,
    Response,
    Tlp,
    Tls,
)
from stillwatch.sharing.coarse import MOST_NATS
from stillwatch.sharing.indicators import LeftOut

__all__ = ["RESPONSES", "TLP", "in_words", "left_out_in_words", "preview"]

TLP: dict[Tlp, str] = {
    "clear": "everybody may read it and pass it on",
    "green": "whoever receives it may pass it on within its community, and not in public",
    "amber": "whoever receives it may pass it on in its organisation and to clients that need it for their protection",
    "amber+strict": "whoever receives it may pass it on in its organisation only",
    "red": "only the persons who receive it may read it",
}
"""What each mark of the Traffic Light Protocol 2.0 (FIRST, 2022) allows."""
RESPONSES = {
    "observe": "the accounts were observed",
    "step_up": "the accounts had to prove more of themselves",
    "slow_down": "the accounts were slowed down",
    "cap_reasoning": "reasoning was capped",
    "shield_reasoning": "reasoning was no longer shown",
    "reduce_output": "answers were made shorter or fewer",
    "mark_output": "answers were marked",
    "hold": "the accounts were held until somebody had looked at them",
    "suspend": "the accounts were suspended",
    "contact": "the holders of the accounts were written to",
}
_FAMILIES = {"browser": "a browser", "other": "clients of no known family"}
_ARTEFACTS = {"payment": "a means of payment", "organization": "an organisation", "wording": "a shared wording"}
_PER_LINE = 16


def preview(bulletin: Bulletin, left_out: Sequence[LeftOut]) -> tuple[str, ...]:
    """All of it: what leaves, then what does not."""
    behind = left_out_in_words(left_out)
    return (
        "What leaves, all of it:",
        *(f"  {line}" for line in in_words(bulletin)),
        "",
        "What stays here:",
        "  Every prompt, answer, account, customer, address, key, session and name: a bulletin has no place for them.",
        *(f"  {line}" for line in behind),
    )


def in_words(bulletin: Bulletin) -> tuple[str, ...]:
    """Every value of a bulletin, one thing to a line."""
    return (
        f"Marked TLP:{bulletin.tlp.upper()}: {TLP[bulletin.tlp]}.",
        f"From {bulletin.producer.name}, who publishes as {bulletin.producer.identity}.",
        f"Bulletin {bulletin.id}, of version {bulletin.version} of the format.",
        f"First made {_moment(bulletin.created)}, as it stands {_moment(bulletin.modified)}.",
        "It is TAKEN BACK: nothing of it holds any more." if bulletin.revoked else "It holds: it is not taken back.",
        f"Nothing of it should be used after {wording.date(bulletin.expires)}.",
        f"At least {bulletin.k} accounts stand behind every figure and indicator.",
        *_facts(bulletin.campaign),
        *(_indicator(item) for item in bulletin.indicators),
        *(() if bulletin.indicators else ("No indicator.",)),
        *(_fingerprint(bulletin.fingerprint) if bulletin.fingerprint else ("No fingerprint of its behaviour.",)),
        *(_response(item) for item in bulletin.responses),
        *(() if bulletin.responses else ("Nothing on what was done about it.",)),
    )


def left_out_in_words(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """What was left out and why, one thing to a line; no value of any."""
    lines = []
    for what, number, why in left_out:
        name = f"{what[0].upper()}{what[1:]}"
        lines.append(f"{name}: {number:,} left out, because {why}." if number else f"{name}: left out, because {why}.")
    return tuple(lines)


def _facts(facts: CampaignFacts) -> tuple[str, ...]:
    rate = facts.error_rate
    return (
        f"A campaign of one operator, unnamed, from {wording.date(facts.first_day)} to {wording.date(facts.last_day)}.",
        f"Accounts: {_range(facts.accounts)}.",
        f"Exchanges of these accounts: {_range(facts.exchanges)}.",
        f"Exchanges that fed the copy: {_range(facts.taken)}.",
        f"Cohorts of accounts, each relieving the one before: {facts.waves}.",
        *(f"Taken with {wording.technique(t.name)}: {_percent(t.share)} ({aim_of(t.name)})." for t in facts.techniques),
        *(() if facts.techniques else ("No technique is named.",)),
        f"Of all whom its maker accuses by this rule at most {_percent(rate.level)} should be innocent, as measured on "
        f"{rate.draws:,} groups of innocent accounts.",
        f"Of this campaign's accounts at most {_percent(rate.innocent)} are expected to be innocent.",
        f"Of campaigns that stand as firmly at most {_percent(facts.q_value)} should be none (q-value).",
        *(f"Evidence: {_kind(e.name)}, {_nats(e.nats)} an account on average." for e in facts.evidence),
        *(() if facts.evidence else ("No evidence is named.",)),
        *(_rival(item.name, item.nats) for item in facts.rivals),
        *(() if facts.rivals else ("No innocent explanation is named.",)),
    )


def _kind(name: str) -> str:
    title = "everything else, with how rare such groups are" if name == "other" else evidence_words(name).title.lower()
    return f"{title} ({name})"


def _rival(name: str, nats: float) -> str:
    title = f"“{'any other' if name == 'other' else rival_words(name).title.lower()}” ({name})"
    if nats > 0:
        return f"Innocent explanation {title}: beaten, by {_nats(nats)}{' or more' if nats == MOST_NATS else ''}."
    return f"Innocent explanation {title}: NOT beaten, {_nats(nats)}."


def _indicator(indicator: Indicator) -> str:
    shown = f"shown by {_least(indicator.members)} of its accounts and {_most(indicator.others)} of all others"
    good = f"good from {wording.date(indicator.valid_from)} to {wording.date(indicator.valid_until)}"
    return f"Indicator: {_thing(indicator)}; {shown}, {good}."


def _thing(indicator: Indicator) -> str:
    match indicator:
        case Network():
            return f"the network AS{indicator.asn}"
        case Tls():
            return f"the TLS fingerprint {indicator.ja4} (JA4, of client software)"
        case Client():
            return f"client software: {_FAMILIES.get(indicator.family, indicator.family)}"
        case KeyedArtefact():
            kind = _ARTEFACTS[indicator.artefact]
            return (
                f"{kind}, as the keyed hash {indicator.digest} that only holders of the key {indicator.key_id} can test"
            )
        case Life():
            work = f"{_many(indicator.daily, 'exchange')} or a little more on a day"
            return f"accounts that work for {_many(indicator.days, 'day')} or a little longer, with {work}"
        case ModelMove():
            days = _many(indicator.days, "day")
            return f"most exchanges go to a new model {days} after its first answer, or little later"


def _fingerprint(fingerprint: Fingerprint) -> tuple[str, ...]:
    values = [f"{value}" for value in fingerprint.values]
    rows = [values[i : i + _PER_LINE] for i in range(0, len(values), _PER_LINE)]
    return (
        f"A fingerprint of its behaviour, of version {fingerprint.version}: how the votes of {fingerprint.accounts:,} "
        f"accounts or more fall into the classes of the public space {fingerprint.space}, with noise.",
        f"An account has {fingerprint.clip:.17g} votes at most; the noise on every number is anything up to "
        f"{fingerprint.noise:.17g} either way, as likely.",
        f"So nobody can tell whether a given account was among them better than a coin does, but by "
        f"{_percent(fingerprint.advantage)}.",
        f"Its {len(values):,} numbers, each to be multiplied by {fingerprint.scale:.17g}:",
        *(f"  {' '.join(row)}" for row in rows),
    )


def _response(response: Response) -> str:
    if response.returned_after is None:
        back = "it has not come back"
    else:
        back = f"it was back after {_many(response.returned_after, 'day')}"
    return f"Done about it: {RESPONSES[response.name]} ({response.name}): {response.outcome}; {back}."


def _range(counts: Range) -> str:
    return f"{counts.low:,} or more" if counts.high is None else f"{counts.low:,} to {counts.high:,}"


def _percent(share: float) -> str:
    return f"{share * 100:.12g} %"


def _least(share: float) -> str:
    return "all" if share == 1 else f"at least {_percent(share)}"


def _most(share: float) -> str:
    return "none" if share == 0 else f"at most {_percent(share)}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def _nats(value: float) -> str:
    return f"{value:+.12g} nats".replace("-", "−")


def _moment(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC)
    return f"{wording.date(utc)}, {utc:%H:%M:%S}{f'.{utc.microsecond:06d}' if utc.microsecond else ''} UTC"
