"""A stand-in for the wordings that a scan finds: which exchanges of a campaign were filled into one template."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RUN = 8  # words that must agree, anywhere near either end of the text
NEAR = 24  # words that count as an end
LEAST = 3  # different texts that share a run before it is a wording
_WORD = re.compile(r"\w+")


def _runs(text: str) -> set[str]:
    words = [*_WORD.findall(text[:2000].lower())[:NEAR], "|", *_WORD.findall(text[-2000:].lower())[-NEAR:]]
    runs = (words[i : i + RUN] for i in range(len(words) - RUN + 1))
    return {" ".join(run) for run in runs if "|" not in run}


def shared_wordings(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Ids of the wording each text was filled into, -1 for none: greedily, the run of words that most texts share.

    Equal texts count once: what is merely repeated is no template.
    """
    users: dict[str, set[str]] = defaultdict(set)
    for text in set(texts):
        for run in _runs(text):
            users[run].add(text)
    free = set(texts)
    wording: dict[str, int] = {}
    for run in sorted(users, key=lambda r: (-len(users[r]), r)):
        left = users[run] & free
        if len(left) >= LEAST:
            number = len(set(wording.values()))
            wording.update(dict.fromkeys(left, number))
            free -= left
    return np.array([wording.get(text, -1) for text in texts], dtype=np.int64)
