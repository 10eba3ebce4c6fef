"""What is promised of all tests of a case together: the level holds for all that were planned, nothing is hidden."""

from __future__ import annotations

import math

import msgspec
import pytest

from bench.made_answers import a_key, prompts, remembering, served, somebody
from stillwatch.errors import InputError
from stillwatch.marks.commitments import entry_for
from stillwatch.progress import Silent
from stillwatch.proving.case import Case, Claim, Marks, Twins
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.material import Exchange, Material, Opened
from stillwatch.proving.report import Answered, Control, Fixed
from stillwatch.proving.said import Said
from stillwatch.proving.testing import all_tests, corrected_for, planned
from stillwatch.proving.tiers.base import Outcome, Planned, carried_out
from stillwatch.proving.twins.base import Pair

LEVEL = 0.05


def world(seed: int, remembers: float, number: int = 70) -> tuple[Material, Said]:
    """A case with marks and twins, and a suspect that remembers a share of what was taken."""
    key, teacher, asked = a_key(seed), somebody(1000 + seed), prompts(number)
    taken, twins = served(teacher, asked, key), served(teacher, asked, key)
    replies = remembering(somebody(2000 + seed), asked, taken, remembers, seed)
    case = Case(
        claim=Claim(suspect="s", model="m", by="b", level=LEVEL),
        marks=Marks(openings=("o",), marked="m", decoys=20),
        twins=Twins(pairs="p", seed=seed),
    )
    fixed = Fixed(
        key=key.id, scheme=key.scheme, commitment="c", said="2026-01-01T00:00:00Z", before="2026-02-01T00:00:00Z"
    )
    material = Material(
        case,
        opened=(Opened(key, entry_for(key, at=0, decoys=1000), fixed),),
        tried=1,
        marked=tuple(Exchange(p, t.text, key.id, t.could, None) for p, t in zip(asked, taken, strict=True)),
        pairs=tuple(
            Pair(prompt_id=str(i), prompt=p, taken=t.text, twins=(w.text,))
            for i, (p, t, w) in enumerate(zip(asked, taken, twins, strict=True))
        ),
    )
    return material, said({reply.prompt: reply.answers for reply in replies})


def said(texts: dict[str, tuple[str, ...]]) -> Said:
    facts = Answered(
        endpoint="e", says_it_is=(), planned=len(texts), answered=len(texts), failed=0, other=0, tokens_in=0,
        tokens_out=0, began="", first="", last="", seal="",
    )  # fmt: skip
    return Said(texts, {}, facts, 0)


def test_whoever_learnt_from_nothing_is_shown_by_any_test_no_more_often_than_the_level_says() -> None:
    runs, wrong = 24, 0
    for seed in range(runs):
        tests = all_tests(*world(seed, 0.0, 84), Silent())
        assert len(tests) == 3
        wrong += any(test.shown for test in tests)
    assert wrong / runs <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


def test_a_copy_is_shown_and_corrected_for_all_that_was_planned() -> None:
    material, answers = world(1, 0.8, 100)
    tests = all_tests(material, answers, Silent())
    assert [test.name for test in tests] == [each.name for each in planned(material)]
    assert sum(test.shown for test in tests) >= 2
    more = all_tests(material._replace(tried=1000), answers, Silent())
    assert corrected_for(material._replace(tried=1000)) == 2001
    for one, other in zip(tests, more, strict=True):
        assert one.evidence.p_value == other.evidence.p_value
        assert one.adjusted is not None
        assert other.adjusted is not None
        assert other.adjusted >= one.adjusted


def test_a_test_that_cannot_be_made_is_withheld_with_the_reason_and_still_counts() -> None:
    def breaks() -> Outcome:
        raise InputError("is broken", "file", "mend it")

    outcome = carried_out(Planned("marks/x/y", "marks", "a test"), breaks)
    assert outcome.withheld == ("It could not be made: file: is broken; mend it",)
    assert outcome.evidence.p_value is None


def test_a_control_that_fails_withholds_the_result_and_no_number_of_it_is_left() -> None:
    """Half of what the suspect learnt is called never taken: then nothing is said, however strong the other half is."""
    material, answers = world(1, 0.8, 160)
    mixed = tuple(msgspec.structs.replace(pair, control=int(pair.prompt_id) % 2 == 1) for pair in material.pairs)
    sound, spoilt = (
        next(t for t in all_tests(material._replace(pairs=pairs), answers, Silent()) if t.name == "twins/text")
        for pairs in (material.pairs, mixed)
    )
    assert sound.shown
    assert any(control.failed for control in spoilt.controls)
    assert len(spoilt.withheld) == 1
    assert "did not come out null" in spoilt.withheld[0]
    assert spoilt.evidence.p_value is None
    assert spoilt.adjusted is None
    assert "scores" not in spoilt.evidence.numbers
    assert not spoilt.shown


def test_a_failed_control_of_any_tier_withholds() -> None:
    evidence = Evidence(tier="marks", test="t", claim="c", null="n", randomised="r", p_value=1e-9)
    failed = Control(what="w", n=1, unit="u", p_value=1e-9, failed=True)
    plan = Planned("marks/x/y", "marks", "a test")
    outcome = carried_out(plan, lambda: Outcome(plan, evidence, (failed,)))
    assert outcome.withheld == ("A control did not come out null: w.",)


@pytest.mark.parametrize("material", [Material(Case(claim=Claim(suspect="s", model="m", by="b")))])
def test_nothing_to_test_is_nothing(material: Material) -> None:
    assert all_tests(material, said({}), Silent()) == ()
    assert corrected_for(material) == 0
