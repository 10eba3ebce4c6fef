"""The words of a proof: a headline, and one page that a judge can read. What is not shown is said as plainly.

No sentence here joins two tiers into one figure, and none says more than a test did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from stillwatch.campaigns.wording import chances, count, counted, listed, percent, probability, visible
from stillwatch.proving.evidence import Tier
from stillwatch.proving.report import Paragraph, ProofReport, ReadingPlan, Tested

__all__ = [
    "CORROBORATION",
    "TIERS",
    "finding",
    "headline",
    "of_tier",
    "paragraphs",
    "tell",
    "tier_finding",
    "title",
    "what_was_read",
]

CORROBORATION = "corroboration, not proof"
TIERS: dict[Tier, str] = {
    "marks": "Tier 1: marks that we placed",
    "twins": "Tier 2: the answers that were taken against their twins",
    "style": "Tier 3: style",
}
_NAMES: dict[Tier, str] = {"marks": "marks", "twins": "twin answers", "style": "style"}
_NOT_BY_WHOM = (
    "A small p-value says that the suspect learnt from our answers, or from texts that carry their wording. It "
    "does not say by whose hand they came there, nor that anything was meant."
)
_NO_ACQUITTAL = (
    "That nothing is shown is no acquittal: a copy that was trained little, or on rewritten answers, shows little or "
    "nothing."
)


def tell(report: ProofReport) -> ProofReport:
    """The report with its headline and statement."""
    return msgspec.structs.replace(report, headline=headline(report), statement=paragraphs(report))


def of_tier(report: ProofReport, tier: Tier) -> tuple[Tested, ...]:
    """The tests of one tier."""
    return tuple(test for test in report.tests if test.evidence.tier == tier)


def headline(report: ProofReport) -> str:
    """The one sentence at the top: which tiers show a copy, each by itself."""
    by_coin: tuple[Tier, ...] = ("marks", "twins")
    shown = [tier for tier in by_coin if any(test.shown for test in of_tier(report, tier))]
    suspect, model = (visible(name, limit=60) for name in (report.claim.suspect, report.claim.model))
    if shown:
        by = listed([_NAMES[tier] for tier in shown])
        each = ", each by itself" if len(shown) > 1 else ""
        return (
            f"{suspect} was trained on answers of {model}, or on texts that carry their wording: shown by {by}{each}."
        )
    decided = [test for test in report.tests if test.evidence.tier != "style" and test.evidence.p_value is not None]
    if not decided:
        if not any(test.evidence.tier != "style" for test in report.tests):
            return f"Style alone was compared: {CORROBORATION}."
        return "Nothing can be said: no test gave a result."
    return f"Nothing shows that {suspect} was trained on answers of {model}."


def title(test: Tested) -> str:
    """What a test is called on the page."""
    key = f", key {visible(test.fixed.key, limit=20)}" if test.fixed is not None else ""
    return f"{visible(test.evidence.test, limit=90)}{key}"


def finding(test: Tested, level: float) -> str:
    """A test's result in one sentence."""
    if test.withheld:
        return f"Withheld: {visible(' '.join(test.withheld), limit=600)}"
    found = test.evidence
    if found.tier == "style":
        rate = "" if found.error_rate is None else f" Error rate {percent(found.error_rate)}."
        return f"{visible(found.claim, limit=400)}{rate}"
    if found.p_value is None or test.adjusted is None:
        return "No result."
    number = (
        f"p = {probability(found.p_value)}; corrected for all tests that were planned, {probability(test.adjusted)}"
    )
    if test.shown:
        return f"Shown: {number}, at most {probability(level)}."
    return f"Not shown: {number}, above {probability(level)}."


def tier_finding(report: ProofReport, tier: Tier) -> str:
    """A tier's result in one sentence."""
    tests = of_tier(report, tier)
    shown = [test for test in tests if test.shown]
    if not tests:
        return "Not tested: the case gives nothing for it."
    if all(test.withheld for test in tests):
        return "No result is given; why stands with each test."
    if tier == "style":
        return f"{visible(tests[0].evidence.claim, limit=400)}"
    if shown:
        return f"Shown by {_of(len(shown), len(tests))}; {_least(shown)}."
    return f"Not shown by any of {counted(len(tests), 'test')}."


def _of(some: int, whole: int) -> str:
    return "the one test" if whole == 1 else f"{some} of {whole} tests"


def _least(tests: Sequence[Tested]) -> str:
    """The least p-value for all that were planned, also as a frequency."""
    least = min(test.adjusted for test in tests if test.adjusted is not None)
    return (
        f"had the suspect not learnt from our answers, a result like this would come up in {chances(least)} such "
        f"examinations (the least p-value, corrected, is {probability(least)})"
    )


def what_was_read(plan: ReadingPlan) -> str:
    """What is read of a suspect's own probabilities, as a list in words; "" for nothing."""
    texts, windows = sum(plan.texts.values()), sum(plan.windows.values())
    found = []
    if plan.planned:
        beside = " and a reference's" if plan.marks_reference is not None else ""
        found.append(
            f"the next token, by its probabilities{beside}, in {counted(windows, 'window')} along "
            f"{counted(texts, 'marked answer')}"
        )
    if plan.unmarked:
        found.append(f"the same along {counted(plan.unmarked, 'unmarked answer')}")
    if plan.candidates:
        beside = " and a reference's" if plan.twins_reference is not None else ""
        found.append(f"its{beside} probability of {counted(plan.candidates, 'taken or twin answer')}")
    return listed(found) if found else ""


def paragraphs(report: ProofReport) -> tuple[Paragraph, ...]:
    """The statement: what is claimed, what was done, what was found in each tier, how sure, what it does not show."""
    return (
        Paragraph(heading="What is claimed", said=_claimed(report)),
        Paragraph(heading="What was done", said=" ".join(_done(report))),
        Paragraph(
            heading="What was found",
            said="Each tier stands for itself; they are never made into one figure.",
            points=tuple(f"{TIERS[tier]}. {_said_of(report, tier)}" for tier in TIERS if of_tier(report, tier)),
        ),
        Paragraph(heading="How sure that is", said=" ".join(_sure(report))),
        Paragraph(heading="What it does not show", said=" ".join(_not_shown(report))),
    )


def _claimed(report: ProofReport) -> str:
    claim = report.claim
    campaign = f" that campaign {visible(claim.campaign, limit=60)} took" if claim.campaign else ""
    return (
        f"{visible(claim.by, limit=80)} claims that {visible(claim.suspect, limit=80)} was trained on answers of "
        f"{visible(claim.model, limit=80)}{campaign}."
    )


def _done(report: ProofReport) -> Iterator[str]:
    found = report.answered
    if found.prepared:
        yield (
            f"{counted(found.answered, 'answer')} of the suspect, collected elsewhere, were tested; nothing here shows "
            "that the tests were settled before they were given, unless their own seal does."
        )
    else:
        yield (
            f"The suspect was asked {counted(found.planned, 'question')}, settled beforehand with all that was to be "
            f"tested, and gave {counted(found.answered, 'answer')}, sealed as they came from {_day(found.first)} to "
            f"{_day(found.last)}."
        )
    if found.answered < found.planned:
        yield f"{counted(found.planned - found.answered, 'question')} of those planned have no answer."
    read = what_was_read(report.read.plan) if report.read is not None else ""
    if report.read is not None and read:
        yield (
            f"The suspect's files were at hand, and it was read, before any answer was sealed: {read}. The seal of "
            f"the readings is {report.read.seal[:16]}…."
        )
    if report.beside is not None:
        model = visible(report.beside.plan.model.folder, limit=60)
        yield (
            f"Our own model ({model}) was read along all answers when the last was sealed, as their head had settled; "
            f"the seal of that is {report.beside.seal[:16]}…."
        )
    yield f"The seal of the answers is {found.seal[:16]}…: whoever changes one of them changes it."


def _days(first: str, last: str) -> str:
    one, other = _day(first), _day(last)
    return f"on {one}" if one == other else f"from {one} to {other}"


def _day(moment: str) -> str:
    return visible(moment[:10], limit=20) if moment else "a time that nobody noted"


def _said_of(report: ProofReport, tier: Tier) -> str:
    said = tier_finding(report, tier)
    coins = [test.evidence.randomised for test in of_tier(report, tier) if test.shown]
    if coins:
        return f"{said} The coin that it rests on: {visible(coins[0].removeprefix('We: '), limit=300)}"
    return said


def _sure(report: ProofReport) -> Iterator[str]:
    level, number = probability(report.claim.level), report.planned
    if number:
        hidden = f" ({report.untested} of them of keys that are not shown)" if report.untested else ""
        yield (
            f"If the suspect had learnt from none of our answers, the chance that a test of tier 1 or 2 says “shown” "
            f"is at most {level}, with all {count(number)}{hidden} that were planned counted, whatever came of them."
        )
        yield "Nothing is assumed about how other models write: the coins were ours."
    controls = [control for test in report.tests for control in test.controls]
    failed = sum(control.failed for control in controls)
    yield (
        f"{counted(len(controls), 'control')} stood beside the tests, where they must show nothing; "
        + (f"{count(failed)} failed, and the tests beside them were withheld." if failed else "all of them held.")
    )


def _not_shown(report: ProofReport) -> Iterator[str]:
    yield _NOT_BY_WHOM
    if not any(test.shown for test in report.tests):
        yield _NO_ACQUITTAL
    if of_tier(report, "style"):
        yield f"Style is {CORROBORATION}: nobody threw a coin, and unrelated models can write alike."
    bad = [p for test in report.tests if test.fixed is not None for p in test.fixed.problems]
    if bad:
        yield "A key that is not shown to have been fixed before its use proves nothing; see its test."
