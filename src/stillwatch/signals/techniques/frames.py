"""The frame of a wording, that is what stays the same in all texts filled into it, judged without its fillings.

The fillings (a problem, code, an answer) are what misleads the classifier most, and they differ from text to text;
the frame is what the operator wrote once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stillwatch.signals.techniques.examples import TECHNIQUES
from stillwatch.signals.techniques.model import Request, classify

_LEAST = 6  # words of a frame: fewer are a greeting or the beginning of many questions
_DENSE = 12  # characters that count as many words, in scripts that write no spaces
_WORD = re.compile(r"\w+")


def frame_probabilities(frames: Sequence[str]) -> npt.NDArray[np.float64]:
    """The techniques' probabilities of each frame, [k, 7]; NaN for one too short to say anything. k = 0: empty."""
    out = np.full((len(frames), len(TECHNIQUES)), np.nan)
    told = [i for i, text in enumerate(frames) if _says_enough(text)]
    if told:
        nothing = np.zeros(len(told), dtype=np.int64)
        texts = [frames[i] for i in told]
        out[told] = classify(Request(texts, [""] * len(told), nothing, nothing.astype(np.bool_), nothing))
    return out


def _says_enough(frame: str) -> bool:
    return len(_WORD.findall(frame)) >= _LEAST or (not frame.isascii() and len(frame) >= _DENSE)
