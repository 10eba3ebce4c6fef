"""A policy in plain words: who would be touched how, at what risk of error, and what it costs an innocent."""

from __future__ import annotations

import datetime as dt

import msgspec

from stillwatch.campaigns.wording import count, counted, listed, percent, sentence
from stillwatch.gateway.alerts.base import AlertTo
from stillwatch.gateway.policy import Exemption, Policy
from stillwatch.gateway.policy_file import EVERY
from stillwatch.responses import RESPONSES
from stillwatch.responses.base import ANYBODY, Measure, Response

__all__ = ["describe", "remarks"]

LEVELS_IN_WORDS = {
    "suspected": "accounts that the gateway links to an accused campaign",
    "review": "accounts in groups that a scan shows to a person",
    "campaign": "accounts that a scan accuses",
    "confirmed": "accounts that a person confirmed",
}
MARKS = "mark_output"
MODES = {
    "act": "It acts.",
    "watch": "It only watches: it tells what it would do, and touches nobody.",
    "off": "It is off: nothing is decided, and nobody is touched.",
}


def describe(policy: Policy) -> list[tuple[str, list[str]]]:
    """The policy as sections: a title, and sentences. Names in it are the user's own text."""
    sections = [(f"Policy {policy.name}", [MODES[policy.mode], *_in_general(policy)])]
    for number, measure in enumerate(policy.measures, 1):
        response = RESPONSES.get(measure.response)
        sections.append((f"{number}. {measure.response}", _measure(measure, response)))
    if not policy.measures:
        sections.append(("No measures", ["Nothing is ever done."]))
    if policy.exempt:
        sections.append(("Exempt", [_exemption(one) for one in policy.exempt]))
    if policy.alerts:
        sections.append(("Who is told", [_alert(entry) for entry in policy.alerts]))
    sections.append(("When it stands down by itself", [_bounds(policy)]))
    sections.append(("Where something breaks", [_failures(policy)]))
    sections.append(("What it keeps", [_learning(policy)]))
    if any(measure.response == MARKS for measure in policy.measures):
        sections.append(("How answers are marked", _marking(policy)))
    return sections


def remarks(policy: Policy, today: dt.date) -> list[str]:
    """What is allowed and yet may not be what was meant, one sentence each."""
    said = []
    felt = [m for m in policy.measures if not m.dry and RESPONSES.get(m.response).info.max_error_rate < ANYBODY]
    if felt and policy.mode == "act" and not policy.appeal:
        said.append("appeal is empty: people who are touched are not told where they can be heard.")
    for place, measure in enumerate(policy.measures):
        bound = RESPONSES.get(measure.response).info.max_error_rate
        if 1.0 > measure.innocent_at_most > bound:
            said.append(
                f"measures[{place}].innocent_at_most is {measure.innocent_at_most:g}, but {measure.response} never acts"
                f" above {bound:g}."
            )
        wait = measure.parameters.get("longest_wait", 0)
        if wait > policy.longest_wait:
            said.append(
                f"measures[{place}] may wait {wait:g} s; the policy's longest_wait is {policy.longest_wait:g} s."
            )
        keyring = measure.parameters.get("keyring", "campaigns")
        if measure.response == MARKS and keyring not in policy.marking.keyrings:
            said.append(
                f"measures[{place}] marks nothing yet: marking.keyrings names no folder for {keyring!r}; see stillwatch"
                " gate marks."
            )
        if measure.share == 0 or measure.innocent_at_most == 0:
            said.append(f"measures[{place}] reaches next to nobody: its share or innocent_at_most is 0.")
    if any(exemption.organizations for exemption in policy.exempt):
        said.append("exempt by organization: make sure that you verified it; accounts declare it themselves.")
    said += [
        f"exempt {exemption.name!r} ended on {exemption.until}."
        for exemption in policy.exempt
        if exemption.until and dt.date.fromisoformat(exemption.until) < today
    ]
    return said


def _in_general(policy: Policy) -> list[str]:
    said = [f"An action ends by itself after {_days(policy.days)}; a claim that still stands then starts it again."]
    said += [f"Nobody waits longer than {policy.longest_wait:g} seconds."]
    said += [f"Whoever is touched is told to write to {policy.appeal}."] if policy.appeal else []
    return said


def _measure(measure: Measure, response: Response) -> list[str]:
    info = response.info
    whom = listed([LEVELS_IN_WORDS[level] for level in measure.levels])
    if measure.tiers:
        whom += f", of the tiers {listed(list(measure.tiers))}"
    said = [info.info.summary, f"To {whom}."]
    if info.max_error_rate < ANYBODY:
        most = min(measure.innocent_at_most, info.max_error_rate)
        said.append(f"Only where the account is innocent with a probability of at most {percent(most)}.")
    if info.needs_human:
        said.append("Only after a person has confirmed the claim.")
    if measure.share < 1:
        said.append(f"Roll-out: {percent(measure.share)} of those accounts.")
    set_to = msgspec.to_builtins(msgspec.convert(measure.parameters, response.parameters))
    if set_to:
        said.append("With " + ", ".join(f"{name} = {_value(value)}" for name, value in set_to.items()) + ".")
    if measure.dry:
        said.append("Dry: it is told, and not done.")
    said.append(f"An innocent pays: {sentence(info.cost_to_an_innocent)}")
    return said


def _exemption(exemption: Exemption) -> str:
    whom = [
        *([counted(len(exemption.accounts), "account")] if exemption.accounts else []),
        *([f"organizations {listed(list(exemption.organizations))}"] if exemption.organizations else []),
        *([f"tiers {listed(list(exemption.tiers))}"] if exemption.tiers else []),
    ]
    what = "everything" if EVERY in exemption.responses else listed(list(exemption.responses))
    until = f" until {exemption.until}" if exemption.until else ""
    return f"{exemption.name} ({listed(whom)}) from {what}{until}: {exemption.why}"


def _alert(entry: AlertTo) -> str:
    what = listed([kind.replace("_", " ") for kind in entry.kinds], most=9) or "everything"
    severe = "" if entry.severity == "info" else f", from {entry.severity} on"
    return f"{entry.channel}: {what}{severe}."


def _bounds(policy: Policy) -> str:
    b = policy.bounds
    return (
        f"Where more than {percent(b.requests_touched)} of requests or {percent(b.accounts_touched)} of accounts are"
        f" touched within {_span(b.window)} (from {count(b.least)} requests on). It then only watches until a person"
        " says otherwise: stillwatch gate on."
    )


def _failures(policy: Policy) -> str:
    f = policy.failures
    closed = [
        words
        for words, how in (
            ("the store cannot be reached", f.store_down),
            ("a decision fails", f.error),
            ("the policy's file is broken", f.policy_broken),
        )
        if how == "closed"
    ]
    batches = " Files of batches that cannot be read are refused." if f.batch_unread == "closed" else ""
    if not closed:
        return f"Requests pass untouched: it fails open.{batches}"
    return f"Requests of everybody are refused (503) where {listed(closed)}; else they pass untouched.{batches}"


def _learning(policy: Policy) -> str:
    kept = policy.learning
    text = f"Text of requests and answers for {kept.keep_text_hours:g} hours" if kept.keep_text_hours else "No text"
    scan = f"; scanned every {kept.scan_hours:g} hours" if kept.scan_hours else "; never scanned"
    return f"{text}; a line for each exchange for {_days(kept.journal_days)}{scan}."


def _marking(policy: Policy) -> list[str]:
    marking = policy.marking
    if not marking.keyrings:
        return ["No folder of keys is named: nothing is marked."]
    folders = listed([f"{name} ({folder})" for name, folder in marking.keyrings.items()])
    if marking.engine:
        return [f"The model's server marks as it draws ({marking.engine}); keys: {folders}."]
    streams = "are held until they are whole" if marking.streams == "hold" else "go out unmarked"
    failing = "is withheld" if policy.failures.marking == "closed" else "goes out unmarked"
    return [
        f"The text of whole answers, under keys of {folders}. Answers that stream {streams}."
        f" An answer that cannot be marked {failing}."
    ]


def _days(days: float) -> str:
    return f"{days:g} day{'' if days == 1 else 's'}"


def _span(seconds: float) -> str:
    if seconds % 3600 == 0:
        hours = seconds / 3600
        return f"{hours:g} hour{'' if hours == 1 else 's'}"
    return f"{seconds / 60:g} minutes"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
