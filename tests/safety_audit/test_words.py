"""What an audit says of each figure and at the top: right for none, one and many, and careful in what it claims."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from stillwatch.safety_audit import caveats, statement, words
from stillwatch.safety_audit.report import AuditReport, Bounded, Difference, JudgeError
from tests.safety_audit import made_reports

GOLDEN = Path(__file__).parent / "golden"
TOLD = ("stripped", "nothing_found", "as_its_base", "no_base", "not_measured", "one_unit", "empty")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def told(report: AuditReport) -> str:
    named = words.labels(report.figures)
    parts = [f"# {statement.headline(report)}", report.statement]
    parts += [f"{named[f.property, f.figure]} [{words.told(f).short}]\n{f.words}" for f in report.figures]
    parts.append("\n".join(f"* {caveat}" for caveat in report.caveats))
    return plain("\n\n".join(parts)) + "\n"


@pytest.mark.parametrize("kind", TOLD)
def test_golden_text(kind: str) -> None:
    assert told(getattr(made_reports, kind)()) == (GOLDEN / f"{kind}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", made_reports.KINDS)
def test_nothing_is_called_proof_and_nobody_is_named_by_country(kind: str) -> None:
    report = getattr(made_reports, kind)()
    text = told(report) + " ".join(words.told(f).meaning for f in report.figures) + " ".join(words.method(report))
    assert not re.search(r"\bpro(of|ves?|ven|ving)\b|\bguilt|\bstole|\bthe(ft|ief)\b|\bnation|\bcountry\b", text, re.I)
    assert not re.search(r"\bchin(a|ese)\b|\bamerica|\brussia|\bwestern\b|\bforeign\b", text, re.I)


@pytest.mark.parametrize("kind", TOLD)
def test_sentences_are_whole(kind: str) -> None:
    text = told(getattr(made_reports, kind)())
    for wrong in ("  ", " .", " ,", "..", ",,", "None", "nan"):
        assert wrong not in text, wrong
    assert not re.search(r"(?<![\d.,+−])1 (figures|answers|units|languages|points|requests)\b", text)
    for line in text.splitlines():
        assert line == "" or line[0] in "#*-“" or line[0].isupper() or line[0].isdigit()


def test_a_loss_is_what_safety_figures_lost_and_nothing_else() -> None:
    stripped = made_reports.stripped()
    assert {f.title for f in words.losses(stripped)} == {
        "Refusal of harmful requests", "Refusal under jailbreaks", "Even-handedness",
    }  # fmt: skip
    assert words.losses(made_reports.nothing_found()) == ()
    assert words.losses(made_reports.as_its_base()) == ()
    assert words.losses(made_reports.not_measured()) == ()
    assert len(words.losses(made_reports.no_base())) == 4
    unsafe = tuple(msgspec.structs.replace(f, safety=False) for f in stripped.figures)
    assert words.losses(msgspec.structs.replace(stripped, figures=unsafe)) == ()


@pytest.mark.parametrize("kind", made_reports.KINDS)
def test_every_safety_figure_is_counted_once(kind: str) -> None:
    report = getattr(made_reports, kind)()
    assert sum(map(len, statement.counts(report).values())) == sum(f.safety for f in report.figures)


def test_where_the_comparison_with_the_base_is_open_no_loss_on_the_way_is_claimed() -> None:
    figure = made_reports.figure(0, (0.41, 0.93, 0.5), 60)
    assert figure.reading == "as its base"
    figure = msgspec.structs.replace(figure, reading="worse than teacher")
    report = made_reports.report((figure,))
    assert "so a loss on the way is not shown." in report.figures[0].words
    assert "As the comparison with its base is open, a loss on the way is not shown." in report.statement
    assert statement.headline(report).endswith("whether that was lost on the way is not known.")
    assert "lost what its own base had" not in told(report)


def test_as_far_from_even_but_to_another_side_is_said() -> None:
    interval = Bounded(-0.4, -0.46, -0.34)
    found = Difference("suspect-teacher", interval, interval, 0.0, 0.0, 900, Bounded(0.0, -0.03, 0.03))
    figure = made_reports.figure(3, (-0.2, 0.2), 900, differences=(found,), reading="open")
    assert plain(words.finding(figure, 0.05)).endswith(
        "Against the teacher that is level (from 3 further to 3 nearer), but to another side: −40 points (−46 to −34)."
    )


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (None, "How often its judge errs was not measured, so nothing was taken out."),
        (JudgeError("rules", 0, Bounded(0.5, 0, 1), Bounded(0.5, 0, 1), corrected=False, source="own"),
         "Judged by rules; no labelled answers were at hand, so how often that errs is not known."),
        (JudgeError("judge-2", 1, Bounded(1, 0.03, 1), Bounded(0.5, 0, 1), corrected=False,
                    source="answers of this audit"),
         "Judged by the model “judge-2”, measured on 1 labelled answer (answers of this audit): it finds at least 3 % "
         "of what is there, and passes anything from 0 to 100 % of what is not. This error is not taken out."),
        (JudgeError("rules", 400, Bounded(0.94, 0.9, 0.966), Bounded(0.985, 0.96, 0.996), corrected=True, source="own"),
         "Judged by rules, measured on 400 labelled answers (shipped with Stillwatch): it finds 94 % (90 to 97 %) of "
         "what is there, and passes 98 % (96 to 99.6 %) of what is not. This error is taken out of the estimates, and "
         "what is not known of it widens the intervals."),
    ],
)  # fmt: skip
def test_a_judges_error_is_said(judge: JudgeError | None, said: str) -> None:
    assert plain(words.judge_error(judge)) == said


def test_caveats_name_what_is_weak_here() -> None:
    report = made_reports.stripped()
    suspect = msgspec.structs.replace(report.models[0], says_it_is=("a", "b"), failed=600)
    told_of = " ".join(caveats.caveats(msgspec.structs.replace(report, models=(suspect, *report.models[1:]))))
    assert (
        "The suspect “openai-api/suspect-7b” named itself in 2 ways (“a” and “b”): it may be several models." in told_of
    )
    assert "failed on 25 % of the requests" in plain(told_of)
    assert "Of “Over-refusal”, so many answers failed" in told_of
    assert "Of “Says it is the teacher”, the judge's error is not taken out" in told_of
    assert "named itself in" not in " ".join(report.caveats)


def test_caveats_of_the_audit_itself_stay_and_come_once() -> None:
    report = made_reports.report((), caveats=("One endpoint was asked on a Sunday.",))
    assert report.caveats[0] == "One endpoint was asked on a Sunday."
    assert statement.tell(report) == report


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-27T21:35:47+00:00", "27 November 2026, 21:35 UTC"),
        ("2026-11-27T00:35:47+02:00", "26 November 2026, 22:35 UTC"),
        ("yesterday\u202e", "yesterday⟨U+202E⟩"),
        ("", "(empty)"),
    ],
)
def test_a_time_is_said_in_words(written: str, said: str) -> None:
    assert words.moment(written) == said


def test_a_statement_can_be_read_back_and_anything_else_too() -> None:
    parts = statement.paragraphs(made_reports.stripped().statement)
    assert [part.heading for part in parts] == [
        "What was asked", "What was found", "How sure this is", "What else could explain it",
    ]  # fmt: skip
    assert len(parts[1].points) == 5
    assert statement.paragraphs("") == ()
    assert statement.paragraphs("One line.") == (statement.Paragraph("", "One line.", ()),)
    assert statement.paragraphs("\n\n\nHead\nSaid.\n\n- a\n- b") == (
        statement.Paragraph("Head", "Said.", ()), statement.Paragraph("- a", "", ("b",)),
    )  # fmt: skip
