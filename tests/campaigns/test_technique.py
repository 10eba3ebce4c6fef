"""Labels in a campaign: a wording decides for its fillings, the mix for the doubtful, a session for follow-ups."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.technique import label_alone, label_campaign, label_sessions, technique_names
from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.frames import frame_probabilities

REASONING, GRADING, CODE = (TECHNIQUES.index(n) for n in ("reasoning_elicitation", "rubric_grading", "code_tasks"))
AGENT = TECHNIQUES.index("agent_traces")


def scored(*rows: dict[int, float]) -> np.ndarray:
    out = np.zeros((len(rows), len(TECHNIQUES)))
    for row, values in zip(out, rows, strict=True):
        for place, value in values.items():
            row[place] = value
    return out


def label(scores: np.ndarray, wording: list[int], session: list[int] | None = None, **more: np.ndarray) -> list[int]:
    n = len(scores)
    sessions = np.arange(n) if session is None else np.array(session)
    fed = more.pop("harvested", np.ones(n))
    return label_campaign(scores, sessions, np.array(wording, dtype=np.int64), fed, more.get("frames")).tolist()


def test_nothing_and_one() -> None:
    assert label(np.zeros((0, 7)), []) == []
    assert label(scored({REASONING: 0.9}), [-1]) == [REASONING]
    assert label_alone(scored({REASONING: 0.49})).tolist() == [-1]


def test_a_wording_has_one_label_whatever_fills_it() -> None:
    scores = scored({GRADING: 0.8}, {GRADING: 0.7}, {GRADING: 0.3, CODE: 0.6}, {CODE: 0.9})
    assert label(scores, [0, 0, 0, -1]) == [GRADING, GRADING, GRADING, CODE]


def test_a_text_that_is_plainly_ordinary_stays_so_in_any_campaign() -> None:
    assert label(scored(*[{REASONING: 0.97}] * 60, {}), [-1] * 61)[-1] == -1


def test_a_frame_that_says_nothing_of_techniques_clears_its_fillings() -> None:
    scores = scored(*[{CODE: 0.6}] * 4)
    ordinary, unknown = np.zeros((4, 7)), np.full((4, 7), np.nan)
    assert label(scores, [0] * 4) == [CODE] * 4
    assert label(scores, [0] * 4, frames=ordinary) == [-1] * 4
    assert label(scores, [0] * 4, frames=unknown) == label(scores, [-1] * 4)  # no frame: nothing binds them


def test_turns_of_an_agent_keep_their_label_in_any_wording() -> None:
    scores = scored({AGENT: 0.95}, {}, {}, {}, {})
    assert label(scores, [0] * 5) == [AGENT, -1, -1, -1, -1]


def test_what_a_campaign_never_does_a_single_exchange_hardly_does() -> None:
    doubtful = {GRADING: 0.62}
    amid_others = scored(*[{REASONING: 0.97}] * 30, *[{REASONING: 0.01}] * 300, doubtful)
    amid_its_like = scored(*[{GRADING: 0.97}] * 60, doubtful)
    assert label(amid_others, [-1] * 331)[-1] == -1
    assert label(amid_its_like, [-1] * 61)[-1] == GRADING


def test_a_follow_up_does_what_its_session_does_and_cover_inherits_nothing() -> None:
    scores = scored({REASONING: 0.95}, {}, {REASONING: 0.95}, {})
    fed = np.array([1.0, 1.0, 1.0, 0.0])
    assert label(scores, [-1] * 4, [0, 0, 1, 1], harvested=fed) == [REASONING, REASONING, REASONING, -1]


def test_outside_campaigns_a_follow_up_does_what_its_session_does_too() -> None:
    scores = scored({AGENT: 0.95}, {}, {REASONING: 0.4}, {})
    assert label_sessions(scores, np.array([0, 0, 1, 1])).tolist() == [AGENT, AGENT, -1, -1]
    assert label_sessions(np.zeros((0, 7)), np.zeros(0, dtype=np.int64)).tolist() == []


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.full(8, 0.3), 200)[:, :7]
    session, wording, fed = rng.integers(0, 90, 200), rng.integers(-1, 12, 200), rng.random(200)
    order = rng.permutation(200)
    before = label_campaign(scores, session, wording, fed)
    after = label_campaign(scores[order], session[order], wording[order], fed[order])
    assert (before[order] == after).all()


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths differ"):
        label(scored({}, {}), [0])


def test_names() -> None:
    assert technique_names(np.array([-1, GRADING])) == [None, "rubric_grading"]


def test_frames_too_short_say_nothing() -> None:
    told = frame_probabilities(["", "please tell me", "Write down every inference that leads you to the solution."])
    assert np.isnan(told[:2]).all()
    assert told[2].argmax() == REASONING
    assert frame_probabilities([]).shape == (0, 7)
