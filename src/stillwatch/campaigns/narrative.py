"""What a report says, in sentences; ``report.html`` and ``stillwatch explain`` both print these and no others.

A `Passage` is a titled run of sentences and points. Nothing in it is markup: the page escapes it, the
terminal prints it. All text that could come from a log has gone through `wording.visible`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from stillwatch.campaigns import origins, wording
from stillwatch.campaigns.report import Account, Campaign, Evidence, Report, Rival


class Passage(msgspec.Struct, frozen=True):
    """One titled piece of the story: ``sentences`` make a paragraph, ``points`` a list below it."""

    name: str
    title: str
    sentences: tuple[str, ...]
    points: tuple[str, ...] = ()


def accused(report: Report) -> tuple[Campaign, ...]:
    """The campaigns that the scan accuses, the most taken first."""
    return _by_damage(campaign for campaign in report.campaigns if campaign.verdict == "campaign")


def doubtful(report: Report) -> tuple[Campaign, ...]:
    """The groups that are shown but not accused, the most taken first."""
    return _by_damage(campaign for campaign in report.campaigns if campaign.verdict != "campaign")


def _by_damage(campaigns: Iterable[Campaign]) -> tuple[Campaign, ...]:
    return tuple(sorted(campaigns, key=lambda campaign: (-campaign.taken, campaign.campaign_id)))


def headline(report: Report) -> str:
    """The scan in one sentence."""
    campaigns = accused(report)
    if not campaigns:
        return "No campaign was found in this log."
    accounts = sum(campaign.accounts for campaign in campaigns)
    taken = sum(campaign.taken for campaign in campaigns)
    number = "One campaign" if len(campaigns) == 1 else f"{_in_words(len(campaigns))} campaigns"
    return f"{number} took about {wording.counted(taken, 'exchange')} through {wording.counted(accounts, 'account')}."


def _in_words(number: int) -> str:
    names = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
    return names[number] if number < len(names) else f"{number:,}"


def certainty(report: Report) -> tuple[str, ...]:
    """How sure the scan is, for someone with a minute: expected innocents, the rate, and what neither says."""
    campaigns = accused(report)
    if not campaigns:
        return _nothing_found(report)
    accounts = sum(campaign.accounts for campaign in campaigns)
    innocent = sum(campaign.expected_innocent for campaign in campaigns)
    said = [
        f"Of the {wording.counted(accounts, 'accused account')}, {innocents(innocent)} expected to be innocent. "
        "Nobody can say which, so no step that cannot be undone should rest on this report alone."
    ]
    said.append(wording.error_rate(report.error_rate)[0])
    q_values = [campaign.q_value for campaign in campaigns]
    if not all(map(math.isfinite, q_values)) or q_values.count(max(q_values)) > 1 or len(q_values) == 1:
        return tuple(said)
    weakest = campaigns[q_values.index(max(q_values))]
    said.append(
        f"The weakest of the claims is {wording.visible(weakest.campaign_id, limit=60)} "
        f"(q = {wording.probability(weakest.q_value)}): read that one with the most doubt."
    )
    return tuple(said)


def innocents(expected: float) -> str:
    """``about 1.3 are``, ``fewer than 1 is``: the expected number of innocents, with its verb."""
    if not math.isfinite(expected):
        return "an unknown number are"
    if expected < 0.95:
        return "fewer than one is"
    return f"about {wording.count(expected)} {'is' if wording.count(expected) == '1' else 'are'}"


def _nothing_found(report: Report) -> tuple[str, ...]:
    looked = wording.counted(report.candidates, "candidate group")
    said = [
        f"The scan read {wording.counted(report.input.exchanges, 'exchange')} of "
        f"{wording.counted(report.input.accounts, 'account')} and tested {looked}; "
        "none of them stood up against its innocent explanations.",
        "This means that no group stood out at the stated error rate. It does not mean that there is none: a small "
        "group, one with few exchanges per account, or one that splits its work by topic can stay below what this "
        "log lets anyone see.",
    ]
    if report.input.exchanges == 0:
        said[0] = "The log holds no exchange that could be read, so there was nothing to test."
    return tuple(said)


def next_steps(report: Report) -> tuple[str, ...]:
    """What to do with the result, in order."""
    campaigns = accused(report)
    waiting = sum(1 for account in report.accounts if account.verdict == "review")
    if not campaigns:
        steps = ["Act against nobody on the strength of this scan."]
        if waiting:
            steps.append(
                f"Let an analyst look at the {wording.counted(waiting, 'account')} under review; they are not accused."
            )
        steps.append("Read what could not be seen below: a fuller log or the account table may show more.")
        steps.append("Scan again when the log has grown: evidence adds up over weeks, and so do those who wait.")
        return tuple(steps)
    first = wording.visible(campaigns[0].campaign_id, limit=60)
    steps = [
        f"Have an analyst read {first} first, its rivals above all: it took the most.",
        "Begin with what can be undone: lower limits, ask for verification, hold back reasoning. "
        "Close accounts only after a person has looked.",
        "Tell those affected why, and give them an appeal that a person decides.",
        "Keep this run's folder unchanged: it is the record of what was known and when.",
    ]
    if waiting:
        those = wording.counted(waiting, "account")
        steps.insert(3, f"Take no action against the {those} under review; look at them again later.")
    return tuple(steps)


def campaign_passages(campaign: Campaign) -> tuple[Passage, ...]:
    """Everything to be said of a campaign, in the order in which a reader asks it."""
    name = wording.visible(campaign.campaign_id, limit=60)
    accounts = wording.counted(campaign.accounts, "account")
    if campaign.verdict == "campaign":
        verdict = f"{name} is a campaign: {accounts} that, on this evidence, one operator runs."
    else:
        verdict = f"{name} is not accused: {accounts} that look alike, but not surely enough to say that one runs them."
    days = [day.date for day in campaign.timeline if day.exchanges]
    if days:
        verdict += f" They were active from {wording.period(min(days), max(days))}."
    return (
        Passage("verdict", "What this is", (verdict, *(wording.sentence(line) for line in campaign.story))),
        Passage("damage", "What was taken", _damage(campaign)),
        *_networks(campaign),
        Passage("certainty", "How sure", _campaign_certainty(campaign)),
        Passage("evidence", "Why one operator seems to run them", _sum_of(campaign.evidence), _bars(campaign.evidence)),
        _rivals(campaign.rivals),
        clearing(campaign.evidence, campaign.rivals, whom="this group"),
        Passage("error_rate", "The error rate", wording.error_rate(campaign.error_rate)),
    )


def _damage(campaign: Campaign) -> tuple[str, ...]:
    level = wording.percent(campaign.taken_level)
    start = "Of" if campaign.verdict == "campaign" else "If it is a campaign, then of"
    said = [
        f"{start} its {wording.counted(campaign.exchanges, 'exchange')}, about {wording.count(campaign.taken)} fed "
        f"the copy ({level} interval: {wording.interval(campaign.taken_low, campaign.taken_high)}); the rest is cover.",
        f"With them went {wording.counted(campaign.input_tokens, 'token')} in and "
        f"{wording.counted(campaign.output_tokens, 'token')} out, "
        f"{wording.count(campaign.reasoning_tokens)} of them reasoning: "
        f"{wording.money(campaign.value, campaign.currency)} at the price table.",
    ]
    shares = technique_shares(campaign)
    if shares:
        named = wording.listed([f"{name} ({wording.percent(share)})" for name, _, share in shares])
        said.append(f"What they did: {named}.")
    if campaign.aims:
        aims = wording.listed([wording.visible(aim, limit=80) for aim in campaign.aims])
        said.append(f"What they were after: {aims}.")
    return tuple(said)


def _networks(campaign: Campaign) -> tuple[Passage, ...]:
    said = origins.told(campaign.networks, campaign.exchanges)
    return (Passage("networks", "Where its calls came from", said),) if said else ()


def technique_shares(campaign: Campaign) -> tuple[tuple[str, float, float], ...]:
    """(technique in words, expected exchanges, share of all labelled), the largest first; empty if none."""
    kept = {name: value for name, value in campaign.techniques.items() if math.isfinite(value) and value > 0}
    total = sum(kept.values())
    ranked = sorted(kept.items(), key=lambda item: (-item[1], item[0]))
    return tuple((wording.technique(name), value, value / total) for name, value in ranked)


def _campaign_certainty(campaign: Campaign) -> tuple[str, ...]:
    if campaign.verdict == "campaign":
        accounts = wording.counted(campaign.accounts, "account")
        said = [
            f"Of its {accounts}, {innocents(campaign.expected_innocent)} expected to be innocent and caught up in it."
        ]
    else:
        said = ["Not sure enough: it misses what an accusation needs, and nobody in it is accused."]
    said.append(
        f"If no one ran these accounts together, a group as alike as this on the part of the evidence that the search "
        f"did not see would arise with a chance of at most {wording.probability(campaign.p_value)} "
        f"(p-value; e-value {wording.count(campaign.e_value)}; q-value over all candidates "
        f"{wording.probability(campaign.q_value)})."
    )
    return tuple(said)


def _sum_of(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    if not evidence:
        return ("No evidence is recorded.",)
    total = math.fsum(item.log_odds for item in evidence if math.isfinite(item.log_odds))
    than = "as" if total > 0 else "than"
    return (
        f"Together the evidence moves the log-odds of one operator by {wording.nats(total)}: "
        f"{wording.times(total)} {than} without it.",
    )


def _bars(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    ranked = sorted(evidence, key=lambda item: (-abs(item.log_odds), item.name))
    return tuple(
        f"{wording.visible(item.title, limit=120)}: {wording.nats(item.log_odds)}, {wording.times(item.log_odds)}. "
        f"{wording.sentence(item.plain)} Innocent reading: {wording.sentence(item.innocent_reading)}"
        for item in ranked
    )


def _rivals(rivals: Sequence[Rival]) -> Passage:
    title = "The innocent explanations weighed"
    if not rivals:
        return Passage("rivals", title, ("No innocent explanation was scored, so none is ruled out.",))
    ranked = nearest_first(rivals)
    closest = ranked[0]
    name = wording.visible(closest.title, limit=120)
    if closest.log_odds > 0:
        said = f"All {len(ranked)} lost. The closest was “{name}”, by {wording.odds(closest.log_odds)}."
        if len(ranked) == 1:
            said = f"The one that was scored, “{name}”, lost by {wording.odds(closest.log_odds)}."
    else:
        said = f"“{name}” explains the evidence at least as well as one operator does: it was not ruled out."
    return Passage("rivals", title, (said,), tuple(rival_line(rival) for rival in ranked))


def nearest_first(rivals: Sequence[Rival]) -> tuple[Rival, ...]:
    """Rivals by how closely they lost, the closest (or the one that won) first."""
    return tuple(sorted(rivals, key=lambda rival: (rival.log_odds, rival.name)))


def rival_line(rival: Rival) -> str:
    """One rival and by what odds it lost, or that it did not."""
    name = wording.visible(rival.title, limit=120)
    if rival.log_odds > 0:
        outcome = f"lost by {wording.odds(rival.log_odds)} ({wording.nats(rival.log_odds)})"
    else:
        outcome = f"not ruled out ({wording.nats(rival.log_odds)})"
    return f"{name}: {outcome}. {wording.sentence(rival.plain)}"


def clearing(evidence: Sequence[Evidence], rivals: Sequence[Rival], *, whom: str) -> Passage:
    """What would clear an account or group: the fewest pieces of evidence whose loss undoes the claim.

    A rival that did not lose already speaks for them, and with the sum of log-odds at or below nothing there is
    no claim to undo; the passage says so.
    """
    title = f"What would clear {whom}"
    if rivals and nearest_first(rivals)[0].log_odds <= 0:
        name = wording.visible(nearest_first(rivals)[0].title, limit=80)
        return Passage("clearing", title, (f"“{name}” was not ruled out; that by itself speaks for {whom}.",))
    finite = [item for item in evidence if math.isfinite(item.log_odds)]
    total = math.fsum(item.log_odds for item in finite)
    if total <= 0:
        return Passage("clearing", title, (f"Nothing needs to: the evidence does not speak against {whom}.",))
    lost: list[Evidence] = []
    left = total
    for item in sorted(finite, key=lambda item: (-item.log_odds, item.name)):
        lost.append(item)
        left -= item.log_odds
        if left <= 0:
            break
    names = wording.listed([f"“{wording.visible(item.title, limit=80)}”" for item in lost])
    if len(lost) == 1:
        said = f"The claim would fall if {names} were explained innocently; it carries the claim alone."
    else:
        said = f"The claim would fall only if {names} were all explained innocently."
    points = [
        f"{wording.visible(item.title, limit=80)}: show that {_clause(item.innocent_reading)}" for item in lost[:6]
    ]
    if rivals:
        closest = nearest_first(rivals)[0]
        points.append(
            f"Show that “{wording.visible(closest.title, limit=80)}” is the truth (a contract, a course, a declared "
            "bill): of the innocent explanations it comes closest."
        )
    return Passage("clearing", title, (said,), tuple(points))


def _clause(text: str) -> str:
    shown = wording.sentence(text)
    first = shown.split(" ", 1)[0]
    return shown if first == "I" or not (first[1:] or "a").islower() else shown[0].lower() + shown[1:]


def account_passages(account: Account, campaign: Campaign | None) -> tuple[Passage, ...]:
    """Everything to be said of an account; ``campaign`` is the one it names, where the report holds it."""
    passages = [Passage("verdict", "What this is", _account_verdict(account, campaign))]
    if account.verdict == "clear" and not account.evidence:
        passages.append(
            Passage("evidence", "Why not", ("No evidence on this account moved the odds enough to be recorded.",))
        )
    if account.evidence:
        passages.append(
            Passage("evidence", "The evidence on this account", _sum_of(account.evidence), _bars(account.evidence))
        )
    if account.nearest_rival is not None:
        passages.append(
            Passage("rivals", "The innocent explanation that came closest", (rival_line(account.nearest_rival),))
        )
    if account.verdict != "clear":
        nearest = () if account.nearest_rival is None else (account.nearest_rival,)
        passages.append(clearing(account.evidence, nearest, whom="this account"))
    if campaign is not None and account.verdict == "campaign":
        name = wording.visible(campaign.campaign_id, limit=60)
        passages.append(Passage("campaign", f"The campaign {name}", _campaign_certainty(campaign)))
        group = _rivals(campaign.rivals)
        title = f"{group.title} for the whole group"
        passages.append(msgspec.structs.replace(group, name="campaign_rivals", title=title))
        passages.append(Passage("error_rate", "The error rate", wording.error_rate(campaign.error_rate)))
    return tuple(passages)


def _account_verdict(account: Account, campaign: Campaign | None) -> tuple[str, ...]:
    name = wording.visible(account.account_id)
    group = "a campaign" if account.campaign_id is None else wording.visible(account.campaign_id, limit=60)
    use = (
        f"It made {wording.counted(account.exchanges, 'exchange')} from "
        f"{wording.period(account.first_seen.date(), account.last_seen.date())}"
    )
    if account.verdict == "campaign":
        size = "" if campaign is None else f", a group of {wording.counted(campaign.accounts, 'account')}"
        return (
            f"{name} is accused of being one of {group}{size}.",
            f"{use}; about {wording.count(account.taken)} of them fed the copy.",
            f"The probability that it belongs there is {wording.percent(account.posterior)}: of accounts with evidence "
            f"like this, about {wording.chances(1 - account.posterior)} would be innocent (q-value "
            f"{wording.probability(account.q_value)}).",
        )
    if account.verdict == "review":
        return (
            f"{name} is not accused. It is under review: it resembles {group}, but not surely enough.",
            f"{use}.",
            f"The probability that it belongs there is {wording.percent(account.posterior)} (q-value "
            f"{wording.probability(account.q_value)}), short of what an accusation needs. Take no action on it alone.",
        )
    said = [f"{name} is clear: this scan does not accuse it.", f"{use}."]
    if account.cleared is not UNSET:
        said.append(
            f"A person cleared it on {wording.date(account.cleared)}; no scan accuses it until that is withdrawn."
        )
    if account.campaign_id is not None:
        said.append(
            f"It was compared with {group}; the probability that it belongs there is "
            f"{wording.percent(account.posterior)}."
        )
    said.append(
        "Clear means that nothing in this log ties it to a group run by one operator at the stated error rate; "
        "it is not a certificate of innocence."
    )
    return tuple(said)


def privacy(report: Report) -> tuple[str, ...]:
    """What of the log's text and identifiers the report holds."""
    said = [
        "Account ids are those of the log: they are needed to act. Cards, addresses, clients and wordings appear only "
        "as keyed hashes; whoever holds this run's salt can find the raw value again, nobody else can.",
        "Language, country, nationality and time zone are never read as evidence, nor are names or the text of "
        "e-mail addresses.",
    ]
    samples = sum(len(campaign.samples) for campaign in report.campaigns)
    if samples:
        those = wording.counted(samples, "exchange")
        said.insert(0, f"This report holds the text of {those}, because that was asked for.")
    else:
        said.insert(0, "This report holds no text of any prompt or answer.")
    return tuple(said)
