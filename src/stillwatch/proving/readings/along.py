"""Where a suspect is read along marked texts, and how: within its own way of being asked, in the mark's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stillwatch.asking.base import Message
from stillwatch.errors import InputError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.material import Material
from stillwatch.proving.passages import marked_by, marked_passages, passages_of
from stillwatch.proving.radioactivity.base import NextTokens, Passage, Probabilities, Tokens
from stillwatch.proving.radioactivity.choices import unshown
from stillwatch.proving.radioactivity.windows import Windows, fresh_windows
from stillwatch.proving.readings.base import OpenModel

__all__ = ["Along", "InPlace", "along", "given_to", "turns_of", "unmarked", "vocabulary_of"]


class Along(NamedTuple):
    """Texts that a suspect is read along, the prompts that they answer, and their windows that count."""

    prompts: list[str]
    passages: list[Passage]
    windows: Windows

    @property
    def texts(self) -> list[int]:
        """The numbers of the texts that have such a window, in order."""
        found: list[int] = np.unique(self.windows.passage).tolist()
        return found

    def of(self, text: int) -> Windows:
        """The windows of one text."""
        first, last = np.searchsorted(self.windows.passage, [text, text + 1])
        return Windows(*(each[first:last] for each in self.windows))


def along(material: Material, key: MarkKey) -> Along:
    """Where to read what ``key`` marked; the case has a tokenizer. Raises what `scheme_named` raises."""
    passages = marked_passages(material, key.id)
    prompts = [each.prompt for each in marked_by(material, key.id)]
    return Along(prompts, passages, fresh_windows(passages, scheme_named(key.scheme).context))


def unmarked(material: Material, context: int) -> Along:
    """Where to read along answers that no key had a part in: in windows of ``context`` tokens that no prompt has."""
    passages = passages_of(material, material.usual)
    return Along([prompt for prompt, _ in material.usual], passages, unshown(passages, context))


def turns_of(material: Material, prompt: str) -> tuple[Message, ...]:
    """A prompt as a model is asked it, with the system prompt of the case."""
    system = material.case.asking.system
    return (*((Message("system", system),) if system else ()), Message("user", prompt))


def given_to(model: OpenModel, turns: Sequence[Message], item: str) -> Tokens:
    """What stands before an answer. Raises `InputError`, naming the ``item`` that is read, where that is nothing."""
    given = model.given(turns)
    if not len(given):
        raise InputError("its prompt has no token in the model's tokenizer", item, "leave this prompt out")
    return given


def vocabulary_of(material: Material) -> int:
    """One more than the highest number of a token of the marking model."""
    return int(max(material.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)) + 1


class InPlace:
    """`NextTokens` along an answer that stands where the model itself would give one.

    A passage holds prompt and answer in bare tokens. A model is asked in its own template, which nothing under the key
    had a part in; so its tokens take the place of the prompt's. Tokens that the mark does not know are left out.
    """

    def __init__(self, model: NextTokens, given: Tokens, start: int, vocabulary: int) -> None:
        self._model, self._given, self._start, self._vocabulary = model, given, start, vocabulary

    def read(self, tokens: Tokens, positions: Tokens) -> Probabilities:
        """As `NextTokens.read`, of positions within the answer."""
        text = np.concatenate([self._given, tokens[self._start :]])
        return self._model.read(text, positions + (len(self._given) - self._start))[:, : self._vocabulary]
