"""Was this text made under this key? Exact p-values for text whose tokens are known; no model is needed.

What is counted: every different pair of context and token, once (Kirchenbauer et al. 2023b and Fernandez et al. 2023
both show that repeated pairs make small p-values out of nothing). Under the null, that the text came about without the
key, each pair's score is a fresh draw from the scheme's own distribution, because the key was: their sum has an exact
tail, whatever the language, the subject or the model. The unit is the pair.

The text must come in the tokens of the model that was marked. Text that went through a person or a file is tokenized
anew, and the tokens can differ from those that were drawn: that costs power, it makes no p-value too small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from stillwatch.calibration import Tail, coin_sum, exponential_sum, holm, weighted_coin_sum
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling.answers import Pairs, distinct_pairs
from stillwatch.marks.sampling.base import TokenScores
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.evidence import Evidence

__all__ = ["TextTest", "evidence_of_text", "null_mean", "tail_of", "text_test", "text_tests"]

CAVEATS = (
    "Says that the text was made with this key's coins, not who made it or who had it.",
    "Counts on the key having been fixed, and kept secret, before the text came about.",
)


class TextTest(msgspec.Struct, frozen=True, kw_only=True):
    """Text against one key. ``total`` is the sum of the scores of ``n`` pairs; ``mean`` is it by pair, beside
    ``null_mean``. ``log10_p`` goes on where ``p_value`` has become the smallest number there is. ``adjusted`` is the
    p-value after Holm's correction for all keys that were planned (the same for one key alone)."""

    key_id: str
    scheme: str
    n: int
    n_seen: int
    total: float
    mean: float
    null_mean: float
    p_value: float
    log10_p: float
    adjusted: float


def text_test(answers: Iterable[npt.ArrayLike], key: MarkKey, *, marked_here: bool = True) -> TextTest:
    """One key that was fixed beforehand; see `text_tests`."""
    return text_tests(answers, [key], marked_here=marked_here)[0]


def text_tests(
    answers: Iterable[npt.ArrayLike],
    keys: Sequence[MarkKey],
    *,
    planned: int | None = None,
    marked_here: bool = True,
) -> list[TextTest]:
    """The text against several keys, with p-values that allow for having tried them all.

    Args:
        answers: token ids of each answer, without its prompt. No answer, or only short ones, give p = 1.
        keys: the keys, of whatever schemes.
        planned: how many keys were to be tried, if more than these.
        marked_here: the answers are as they were generated, so that tokens in a context that came before in the same
            answer are left out (they bear no mark). False for text that was put together otherwise.

    Returns:
        A test for each key, in their order.

    Raises:
        PluginError, InputError: a key's scheme is unknown or has a wrong parameter.
        ValueError: an answer is no list of token ids, or ``planned`` is below the number of keys.
    """
    kept = [np.asarray(answer) for answer in answers]
    pairs: dict[int, Pairs] = {}
    tests = []
    for key in keys:
        scheme = scheme_named(key.scheme)
        if scheme.context not in pairs:
            pairs[scheme.context] = distinct_pairs(kept, scheme.context, marked_here)
        found = pairs[scheme.context]
        scores = scheme.scores(found.contexts, found.tokens, key.secret)._replace(n_seen=found.n_seen)
        tests.append(_tested(key, scores))
    adjusted = holm([test.p_value for test in tests], planned)
    return [msgspec.structs.replace(test, adjusted=float(p)) for test, p in zip(tests, adjusted, strict=True)]


def tail_of(scores: TokenScores) -> Tail:
    """The chance of scores that sum to as much or more, under the null; exact. 1 for no scores.

    Raises:
        ValueError: "uniform" scores: turn them into exponential ones, −ln(1 − u), whose sum is what tells most.
    """
    n, total = len(scores.scores), float(np.sum(scores.scores))
    if scores.null == "exponential":
        return exponential_sum(total, n)
    if scores.null == "bernoulli":
        return coin_sum(round(total), n, scores.parameters[0])
    if scores.null == "tournament":
        return weighted_coin_sum(round(total), [int(weight) for weight in scores.parameters], n)
    raise ValueError(f"sums of {scores.null} scores are not tested here")


def null_mean(scores: TokenScores) -> float:
    """The mean of one score under the null."""
    if scores.null == "exponential":
        return 1.0
    return scores.parameters[0] if scores.null == "bernoulli" else sum(scores.parameters) / 2


def evidence_of_text(test: TextTest, key: MarkKey, tested_on: str, planned: int = 1) -> Evidence:
    """The test as the report keeps it. ``tested_on`` says which text; ``planned`` how many keys were tried."""
    tried = f"; Holm's correction for {planned:,} keys" if planned > 1 else ""
    whose = f" of {key.scope} {key.about}" if key.about else ""
    return Evidence(
        tier="marks",
        test=f"text under a key ({test.scheme}){tried}",
        claim=f"The text was made under key {key.id}{whose}.",
        null=f"The text came about without key {key.id}.",
        randomised=f"The secret of key {key.id}, drawn by the provider before the text was made.",
        p_value=test.adjusted,
        statistic=test.mean,
        n=test.n,
        unit="different pairs of context and token",
        tested_on=tested_on,
        numbers=msgspec.to_builtins(test),
        caveats=CAVEATS,
    )


def _tested(key: MarkKey, scores: TokenScores) -> TextTest:
    tail, n, total = tail_of(scores), len(scores.scores), float(np.sum(scores.scores))
    return TextTest(
        key_id=key.id,
        scheme=key.scheme,
        n=n,
        n_seen=scores.n_seen,
        total=total,
        mean=total / n if n else 0.0,
        null_mean=null_mean(scores),
        p_value=tail.p_value,
        log10_p=tail.log10_p,
        adjusted=tail.p_value,
    )
