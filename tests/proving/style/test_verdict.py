"""What is asked of, what is refused, and what every output says of its own worth."""

from __future__ import annotations

import msgspec
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.proving.evidence import Evidence
from stillwatch.proving.style import (
    Answers,
    Reference,
    ReferenceModel,
    Verdict,
    evidence,
    nearest_teacher,
    sentence,
)
from tests.proving.style.writers import PROMPTS, Writer, answers_of, candidate, control, reference_of, world

WORDS = "corroboration, not proof"


def judged(copied: float, **options: object) -> Verdict:
    candidates, unrelated = world(9)
    suspect = Writer("suspect", candidates[0], copied=copied)
    answers = answers_of([*candidates, *unrelated, suspect])
    return nearest_teacher(answers, reference_of(candidates, unrelated), "suspect", resamples=20, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [0.0, 0.5])
def test_every_output_says_that_it_is_no_proof(copied: float) -> None:
    verdict = judged(copied, level=0.1)
    found = evidence(verdict)
    assert (verdict.nearest is None) == (copied == 0.0)
    assert WORDS in sentence(verdict)
    assert WORDS in found.claim.lower()
    assert any(WORDS in caveat.lower() for caveat in found.caveats)
    assert ("none of these" in sentence(verdict)) == (copied == 0.0)


def test_evidence_has_an_error_rate_and_no_p_value_and_can_be_kept() -> None:
    verdict = judged(0.5)
    found = evidence(verdict)
    assert found.tier == "style"
    assert found.p_value is None
    assert found.error_rate == 0.2
    assert found.randomised == ""
    assert found.n == len(PROMPTS)
    assert found.numbers["conformal_p"] == verdict.conformal_p
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evidence) == found


def test_hostile_names_are_spelt_out() -> None:
    candidates, unrelated = world(4)
    name = "\x1b[31mgood\u202e<b>"
    suspect = Writer(name, candidates[0], copied=0.6)
    answers = answers_of([*candidates, *unrelated, suspect])
    verdict = nearest_teacher(answers, reference_of(candidates, unrelated), name, resamples=5)
    for text in (sentence(verdict), evidence(verdict).claim):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_versions_of_one_family_are_one_answer() -> None:
    """Three versions that say much the same do not take the student from each other."""
    candidates, unrelated = world(9)
    second = Writer("teacher0-new", candidates[0], copied=0.8)
    student = Writer("student", candidates[0], copied=0.4)
    reference = Reference(
        (
            candidate("teacher0", "first"),
            candidate("teacher0-new", "first"),
            candidate("teacher1"),
            candidate("teacher2"),
            *(control(writer.name) for writer in unrelated),
        )
    )
    answers = answers_of([*candidates, second, *unrelated, student])
    verdict = nearest_teacher(answers, reference, "student", resamples=20)
    assert verdict.nearest == "first"
    assert set(verdict.excess) == {"first", "teacher1", "teacher2"}


def test_a_maker_is_not_said_to_have_copied_itself() -> None:
    candidates, unrelated = world(9)
    sibling = Writer("sibling", candidates[0], copied=0.7)
    reference = Reference(
        (
            candidate("teacher0", maker="acme"),
            *(candidate(writer.name, maker=writer.name) for writer in candidates[1:]),
            *(control(writer.name) for writer in unrelated),
        )
    )
    answers = answers_of([*candidates, *unrelated, sibling])
    assert nearest_teacher(answers, reference, "sibling", maker="other", resamples=5).nearest == "teacher0"
    verdict = nearest_teacher(answers, reference, "sibling", maker="acme", resamples=5)
    assert verdict.own == ("teacher0",)
    assert "teacher0" not in verdict.excess
    assert verdict.nearest != "teacher0"
    assert any("own maker" in caveat for caveat in evidence(verdict).caveats)


def test_a_suspect_in_the_reference_set_is_not_compared_with_itself() -> None:
    candidates, unrelated = world(9)
    answers = answers_of([*candidates, *unrelated])
    verdict = nearest_teacher(answers, reference_of(candidates, unrelated), "teacher1", resamples=5)
    assert set(verdict.excess) == {"teacher0", "teacher2"}
    verdict = nearest_teacher(answers, reference_of(candidates, unrelated), "other3", resamples=5)
    assert verdict.controls == 8


def test_known_students_of_others_show_what_an_absent_teacher_does() -> None:
    """The teacher is no candidate but one that copied it is: that one is named, and its students come as near."""
    candidates, unrelated = world(9)
    hidden = Writer("hidden")
    candidates[0] = Writer("teacher0", hidden, copied=0.8)
    students = [Writer(f"student{i}", hidden, copied=0.5) for i in range(5)]
    reference = Reference(
        (
            *(candidate(writer.name) for writer in candidates),
            *(control(writer.name) for writer in unrelated),
            *(ReferenceModel(name=s.name, role="student", teachers=("hidden",)) for s in students[1:]),
        )
    )
    answers = answers_of([*candidates, *unrelated, *students])
    verdict = nearest_teacher(answers, reference, "student0", resamples=20)
    assert verdict.nearest == "teacher0"
    assert verdict.students == 4
    assert verdict.students_p >= 0.2
    text = " ".join(evidence(verdict).caveats)
    assert "true teacher is not among the candidates" in text
    assert ("known students of other teachers" in text) == (verdict.students_p > verdict.level)


def test_what_cannot_be_answered_is_refused_in_one_line() -> None:
    candidates, unrelated = world(9)
    student = Writer("student", candidates[0], copied=0.5)
    everybody = [*candidates, *unrelated, student]
    answers, reference = answers_of(everybody), reference_of(candidates, unrelated)
    with pytest.raises(InputError, match="no answer of the model 'nobody'"):
        nearest_teacher(answers, reference, "nobody")
    with pytest.raises(InputError, match=r"3 control models cannot show an error rate of 0\.2; give 1 more"):
        nearest_teacher(answers, reference_of(candidates, unrelated[:3]), "student")
    with pytest.raises(InputError, match="give 10 more"):
        nearest_teacher(answers, reference, "student", level=0.05)
    few = Answers({**answers.texts, "other0": {PROMPTS[0]: "yes"}})
    with pytest.raises(InputError, match=r"1 prompts were answered by all 13 models; it takes 50; .*'other0' has 1"):
        nearest_teacher(few, reference, "student")
    for options in ({"level": 0.0}, {"level": 1.0}, {"resamples": 0}):
        with pytest.raises(UsageError):
            nearest_teacher(answers, reference, "student", **options)  # type: ignore[arg-type]
    own = Reference((*(candidate(c.name, maker="acme") for c in candidates), *(control(c.name) for c in unrelated)))
    with pytest.raises(InputError, match="every candidate is of 'acme'"):
        nearest_teacher(answers, own, "student", maker="acme")


def test_empty_answers_are_answers() -> None:
    candidates, unrelated = world(9)
    silent = Answers({**answers_of([*candidates, *unrelated]).texts, "silent": dict.fromkeys(PROMPTS, "")})
    verdict = nearest_teacher(silent, reference_of(candidates, unrelated), "silent", resamples=5)
    assert 0 < verdict.conformal_p <= 1
