"""A replay on one screen: what would have been done, to how many innocents, and what would not have been taken."""

from __future__ import annotations

import textwrap
from itertools import groupby

from stillwatch.campaigns.wording import count, counted, percent, period
from stillwatch.cli.terminal import Style, clean
from stillwatch.gateway.replayed import Person, Replay, ResponseCount, StoodDown

__all__ = ["summary"]

WIDTH = 100
PEOPLE_SHOWN = 10
CAMPAIGNS_SHOWN = 8
WHY = {
    "switched_off": "the policy is off",
    "exempt": "exempt",
    "tier": "of other tiers",
    "policy_bound": "too likely innocent for this policy",
    "response_bound": "too likely innocent, or too weak a claim, for this response",
    "needs_person": "no person has confirmed it",
    "roll_out": "not reached by the roll-out yet",
    "over": "its time is over",
}


def summary(found: Replay, style: Style) -> str:
    """The replay in words, for people; lines of at most 100 columns but for ids."""
    lines = _wrapped(
        f"Replayed {count(found.exchanges)} exchanges of {counted(found.accounts, 'account')},"
        f" {period(found.first.date(), found.last.date())}, as if the scan's claims about"
        f" {counted(found.claims, 'account')} had stood from the start."
    )
    if found.mode != "act":
        lines += _wrapped(f"The policy's mode is {found.mode}" + ("; this is what it would do in mode act."
                          if found.mode == "watch" else ": it does nothing."))  # fmt: skip
    lines += ["", *_headline(found, style)]
    if found.stood_down is not None:
        lines += ["", *(style.red(line) for line in _wrapped(_stood_down(found.stood_down)))]
    lines += _campaigns(found, style)
    lines += _innocent(found)
    lines += _taken(found)
    lines += _left_out(found)
    lines += _people(found, style)
    if found.notes:
        lines += ["", *(style.dim(line) for note in found.notes for line in _wrapped(clean(note)))]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _headline(found: Replay, style: Style) -> list[str]:
    if not found.touched:
        asked = f" {counted(found.asked, 'account')} would have been asked to verify." if found.asked else ""
        return [style.green(f"{clean(found.policy)}: nobody would have been touched.{asked}")]
    text = (
        f"{clean(found.policy)} would have touched {counted(found.touched_accounts, 'account')}"
        f" ({percent(found.touched_accounts / found.accounts)} of all) in {counted(found.touched, 'request')}"
        f" ({percent(found.touched / found.exchanges)})."
    )
    done = (
        (found.refused, "refused"),
        (found.waited, f"waited ({found.wait_hours:.1f} hours together)"),
        (found.shaped, "made smaller"),
        (found.shielded, "answered without their reasoning"),
    )
    parts = [f"{count(number)} {how}" for number, how in done if number]
    lines = [style.bold(line) for line in _wrapped(text)]
    lines += _wrapped("Requests: " + ", ".join(parts) + ".")
    if found.asked:
        lines += _wrapped(f"{counted(found.asked, 'account')} would have been asked to verify.")
    return lines


def _stood_down(down: StoodDown) -> str:
    return (
        f"It would have stood down on {down.at:%Y-%m-%d at %H:%M} UTC: {percent(down.share)} of {down.what} touched,"
        f" {percent(down.most)} allowed. From then on it touches nobody ({counted(down.after, 'request')} more would"
        " have been) until a person says otherwise. The figures here are of before."
    )


def _campaigns(found: Replay, style: Style) -> list[str]:
    felt = [one for one in found.responses if one.touched or one.watched or one.requests]
    if not felt:
        return []
    row = "  {:16}  {:18}  {:>10}  {:>10}  {:>10}"
    lines = ["", style.dim(row.format("campaign", "response", "against", "touched", "requests"))]
    groups = [(name, list(ones)) for name, ones in groupby(felt, lambda one: one.campaign_id)]
    for name, ones in groups[:CAMPAIGNS_SHOWN]:
        shown = clean(name, 15)
        for one in ones:
            lines.append(row.format(shown, _response(one), *_numbers(one)).rstrip())
            shown = ""
    if len(groups) > CAMPAIGNS_SHOWN:
        lines.append(f"  and {len(groups) - CAMPAIGNS_SHOWN} more campaigns (--json)")
    return lines


def _response(one: ResponseCount) -> str:
    return f"{one.response} (dry)" if one.watched else one.response


def _numbers(one: ResponseCount) -> tuple[str, str, str]:
    if one.watched:
        return f"{one.accounts:,}", "-", "-"
    return f"{one.accounts:,}", f"{one.touched:,}", f"{one.requests:,}"


def _innocent(found: Replay) -> list[str]:
    if not found.touched:
        return []
    who, pays = found.innocent, found.cost
    text = (
        f"Innocent among the {counted(who.of, 'account')} touched: {count(who.expected)} expected, at most"
        f" {count(who.high)} ({percent(who.level)} interval from {count(who.low)}). What they pay, as expected:"
        f" {counted(pays.touched, 'request')} touched, {count(pays.refused)} of them refused, {pays.wait_hours:.1f}"
        " hours of waiting."
    )
    return ["", *_wrapped(text)]


def _taken(found: Replay) -> list[str]:
    taken = found.taken
    if taken is None or not taken.known:
        return ["", "What was taken is not known: the run has judged none of these exchanges."]
    if taken.without <= 0:
        return ["", "Taken: the run expects that nothing was."]
    text = (
        f"Taken without the policy: {count(taken.without)} exchanges expected. With it: {count(taken.passed)} as"
        f" before, {count(taken.limited)} limited, {count(taken.refused)} not at all"
        f" ({percent((taken.limited + taken.refused) / taken.without)} limited or refused)."
    )
    if taken.known < found.exchanges:
        text += f" The run has judged {count(taken.known)} of the {count(found.exchanges)} exchanges."
    return ["", *_wrapped(text)]


def _left_out(found: Replay) -> list[str]:
    if not found.left_out:
        return []
    lines = ["", "Left out:"]
    for one in found.left_out:
        lines.append(f"  {one.response}: {counted(one.accounts, 'account')} ({WHY.get(one.why, one.why)})")
    return lines


def _people(found: Replay, style: Style) -> list[str]:
    touched = sorted((p for p in found.people if p.touched), key=lambda p: (-p.innocent, p.account_id))
    if not touched:
        return []
    row = "  {:24}  {:12}  {:>14}  {:>9}  {:>8}  {:>7}"
    lines = ["", "Look at these first: the most likely innocent among those touched (all of them: --json)."]
    lines.append(style.dim(row.format("account", "campaign", "innocent", "requests", "touched", "refused")))
    lines += [row.format(*_person(person)).rstrip() for person in touched[:PEOPLE_SHOWN]]
    return lines


def _person(person: Person) -> tuple[str, ...]:
    return (
        clean(person.account_id, 100),
        clean(person.campaign_id, 12),
        percent(person.innocent),
        f"{person.exchanges:,}",
        f"{person.touched:,}",
        f"{person.refused:,}",
    )
