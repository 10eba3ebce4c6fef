"""Which windows may be counted, and what goes wrong where others are."""

from __future__ import annotations

import numpy as np
import pytest

from bench.ngram_students import made_key
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.radioactivity.base import Passage
from stillwatch.proving.radioactivity.windows import first_of_each, fresh_windows, numbered, windows_before, windows_of

TEXT = np.array([1, 2, 3, 1, 2, 3, 4])


def test_windows_lie_within_answers() -> None:
    found = windows_of([Passage(TEXT, 1), Passage(TEXT[:2]), Passage(TEXT[:0])], 2)
    assert found.rows.tolist() == [[2, 3], [3, 1], [1, 2], [2, 3]]
    assert found.position.tolist() == [3, 4, 5, 6]
    assert found.next.tolist() == [1, 2, 3, 4]
    assert found.passage.tolist() == [0, 0, 0, 0]
    assert windows_of([], 3).rows.shape == (0, 3)
    assert windows_of([Passage(TEXT, 7)], 2).rows.shape == (0, 2)
    assert windows_before(TEXT[:2], 3).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_window_is_fresh_once_over_all_texts_and_never_if_it_was_given() -> None:
    found = fresh_windows([Passage(TEXT, 0), Passage(TEXT, 0)], 2)
    assert found.rows.tolist() == [[1, 2], [2, 3], [3, 1]]
    assert found.passage.tolist() == [0, 0, 0]
    asked = np.array([2, 3, 9])
    assert fresh_windows([Passage(np.concatenate([asked, TEXT]), 3)], 2).rows.tolist() == [[1, 2], [3, 1]]


def test_numbers_count_as_rows_come() -> None:
    rows = np.array([[5, 5], [1, 2], [5, 5], [0, 9]])
    assert numbered(rows).tolist() == [0, 1, 0, 2]
    assert first_of_each(rows).tolist() == [True, True, False, True]
    assert numbered(np.empty((3, 0), dtype=np.int64)).tolist() == [0, 0, 0]
    assert first_of_each(np.empty((0, 2), dtype=np.int64)).tolist() == []


def test_passages_that_cannot_be() -> None:
    for tokens, start in ((np.zeros((2, 2), int), 0), (TEXT, 8), (TEXT, -1)):
        with pytest.raises(ValueError, match="passage 0"):
            windows_of([Passage(tokens, start)], 2)


def test_windows_in_opposite_order_make_scores_depend_on_each_other() -> None:
    """Two texts under one key: V x 5 W ... and W y 6 V ..., where x and y are A or B, whichever the key likes.

    A suspect that says again what came second in the text before it says x after W and y after V. No window comes twice
    in a text. Each of the two scores is uniform; but the key likes x after V and y after W, so where x = y both scores
    are high together. At windows that are fresh over both texts nothing of the kind can happen.
    """
    v, w, a, b = 1, 2, 3, 4
    scheme, keys = scheme_named("gumbel:context=1"), [made_key(i).secret for i in range(1500)]
    after_w, after_v, counted = [], [], []
    for secret in keys:
        liked = {}
        for window in (v, w):
            both = scheme.scores(np.array([[window], [window]]), np.array([a, b]), secret).scores
            liked[window] = (a, b)[int(both.argmax())]
        first, second = np.array([v, liked[v], 5, w, 9]), np.array([w, liked[w], 6, v, 9])
        after_w.append(scheme.scores(np.array([[w]]), np.array([liked[v]]), secret).scores[0])
        after_v.append(scheme.scores(np.array([[v]]), np.array([liked[w]]), secret).scores[0])
        fresh = fresh_windows([Passage(first), Passage(second)], 1)
        texts = [first, second]
        said = [texts[t][1] if at > 1 else a for t, at in zip(fresh.passage, fresh.position, strict=True)]
        counted.append(scheme.scores(fresh.rows, np.array(said), secret).scores[[0, 1, 2, 3, -1]])
    assert np.mean(after_w) == pytest.approx(1.0, abs=0.11)
    assert np.mean(after_v) == pytest.approx(1.0, abs=0.11)
    assert np.corrcoef(after_w, after_v)[0, 1] > 0.08
    # all four of the first text; of the second V and W are gone, and 6 is left
    correlations = np.corrcoef(np.asarray(counted).T)
    assert np.abs(correlations - np.eye(5)).max() < 4 / np.sqrt(len(keys))
