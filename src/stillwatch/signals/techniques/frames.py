"""The frame of a wording: what stays the same in the texts that were filled into it, judged without its fillings.

The fillings (a problem, code, an answer) are what misleads the classifier most, and they differ from text to text;
the frame is what the operator wrote once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.model import Request, classify

_RUN = 3  # words in a row that must agree
_SHARE = 0.6  # of the texts that must hold a run
_READ = 2000  # characters read from either end
_LEAST = 6  # words of a frame: fewer are a greeting or the beginning of many questions
_SAMPLE = 60  # texts of a wording that are compared: bounds the work
_WORD = re.compile(r"\w+")


def frame(texts: Sequence[str]) -> str:
    """What at least `_SHARE` of the different texts share, in the order of the first; one line for each run of it.

    Fewer than two different texts, or texts that share nothing, have an empty frame.
    """
    different = sorted(set(texts))
    step = max(1, len(different) // _SAMPLE)
    sample = [_ends(text) for text in different[::step]]
    if len(sample) < 2:
        return ""
    having: Counter[str] = Counter()
    for text in sample:
        having.update({run for run, _, _ in _runs(text)})
    least = max(2.0, _SHARE * len(sample))
    return max((_kept(text, having, least) for text in sample[:5]), key=len)


def _ends(text: str) -> str:
    return text if len(text) <= 2 * _READ else text[:_READ] + "\n" + text[-_READ:]


def _runs(text: str) -> list[tuple[str, int, int]]:
    """Every run of `_RUN` words: in lower case, and where it begins and ends."""
    found = [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(text)]
    rows = (found[i : i + _RUN] for i in range(len(found) - _RUN + 1))
    return [(" ".join(word for word, _, _ in row), row[0][1], row[-1][2]) for row in rows]


def _kept(text: str, having: Counter[str], least: float) -> str:
    """The parts of the text that lie in shared runs, with the marks that follow them."""
    parts: list[list[int]] = []
    for run, begin, end in _runs(text):
        if having[run] < least:
            continue
        if parts and begin <= parts[-1][1] + 1:
            parts[-1][1] = end
        else:
            parts.append([begin, end])
    return "\n".join(text[begin:end] + re.match(r"\W{0,3}", text[end:]).group().rstrip() for begin, end in parts)  # type: ignore[union-attr]


def frame_probabilities(texts: Sequence[str], wording: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The techniques' probabilities of each exchange's frame, [n, 7]; NaN where an exchange has none.

    ``texts`` is what each exchange newly says and ``wording`` [n] the wording it was filled into, -1 for none.
    """
    out = np.full((len(texts), len(TECHNIQUES)), np.nan)
    order = np.argsort(wording, kind="stable")
    cuts = np.flatnonzero(np.diff(wording[order])) + 1
    members = [rows for rows in np.split(order, cuts) if len(rows) and wording[rows[0]] >= 0]
    frames = [frame([texts[i] for i in rows]) for rows in members]
    told = [(rows, text) for rows, text in zip(members, frames, strict=True) if len(_WORD.findall(text)) >= _LEAST]
    if told:
        n = len(told)
        nothing = np.zeros(n, dtype=np.int64)
        request = Request([text for _, text in told], [""] * n, nothing, np.zeros(n, dtype=np.bool_), nothing)
        for (rows, _), scores in zip(told, classify(request), strict=True):
            out[rows] = scores
    return out
