"""What sampling marks cost: do they change how often tokens and answers come, and how long do they take?

``python -m bench.marks_distortion`` in ``.venv`` makes the tables of tokens, answers and p-values (some minutes); in
``.venv-suspects``, where torch is, also those of whole answers of a model and of time.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.tables import ROOT, Table, publish, say
from stillwatch.calibration import holm, permutation_p_value
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.base import Scheme
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, values
from stillwatch.proving.radioactivity.text import text_tests

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS, KEYS, NULLS, PLANTED = 400_000, 1000, 1999, 400
DIFFERENCE, LEVEL = 0.01, 0.001
"""The total variation distance that the tests must see, and the level at which."""


def secret(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def key(kind: str, number: int) -> MarkKey:
    return MarkKey(id=str(number), secret=secret(f"{kind} {number}"), scheme=kind, scope="all", about="", epoch=0)


def words() -> Floats:
    """How often the 63 commonest words of docs/ come, and all others together: real text, always at hand."""
    text = " ".join(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    counts = [number for _, number in Counter(re.findall(r"[a-z]+", text.lower())).most_common()]
    shares = np.array([*counts[:63], sum(counts[63:])], dtype=float)
    return shares / shares.sum()


def distributions() -> dict[str, Floats]:
    rng = np.random.default_rng(0)
    peaked = np.exp(4 * rng.standard_normal(64))
    sure = np.append(0.9, 0.1 * rng.dirichlet(np.full(63, 0.3)))
    sure = np.maximum(sure, 1e-4)
    return {
        "words of docs/": words(),
        "logits of deviation 4": peaked / peaked.sum(),
        "one sure token": sure / sure.sum(),
    }


def drawn(p: Floats, rng: np.random.Generator) -> Ints:
    """A token from each row."""
    steps = p.cumsum(axis=1)
    return np.minimum((steps < rng.random((len(p), 1)) * steps[:, -1:]).sum(axis=1), p.shape[1] - 1)


def marked_tokens(scheme: Scheme, p: Floats, n: int, rng: np.random.Generator, about: str) -> Ints:
    """(n,) tokens, under `KEYS` keys, others for each thing that this is ``about``, in contexts of their own."""
    tokens = []
    for number in range(KEYS):
        contexts = np.stack([np.arange(n // KEYS), *[np.full(n // KEYS, 5)] * (scheme.context - 1)], axis=1)
        coins = values(seeds(secret(f"{scheme.name} {about} {number}"), contexts)[:, None], np.arange(p.size))
        tokens.append(drawn(scheme.reweighted(np.tile(p, (len(coins), 1)), coins, np), rng))
    return np.concatenate(tokens)


def joined(p: Floats, n: int) -> Ints:
    """A class for each outcome, those that are expected fewer than ten times in one class together."""
    rare = p * n < 10
    return np.where(rare, 0, np.cumsum(~rare))


def chi_square(counts: Floats, expected: Floats) -> float:
    used = expected > 0
    return float(np.sum((counts - expected)[..., used] ** 2 / expected[used]))


class Goodness:
    """The chi-square test of ``n`` draws from ``p``, with the null drawn and not looked up."""

    def __init__(self, p: Floats, n: int, seed: int) -> None:
        self.p, self.n, self.rng = p, n, np.random.default_rng(seed)
        self.classes = joined(p, n)
        self.expected = np.bincount(self.classes, p * n)
        self.null = np.array([self.statistic(self.rng.multinomial(n, p)) for _ in range(NULLS)])

    def statistic(self, counts: NDArray[np.integer]) -> float:
        return chi_square(np.bincount(self.classes, counts), self.expected)

    def p_value(self, outcomes: Ints) -> float:
        return permutation_p_value(self.statistic(np.bincount(outcomes, minlength=self.p.size)), self.null)

    def power(self) -> float:
        """Share of samples in which a difference of `DIFFERENCE` is seen, where it is hardest to see: all outcomes of
        a random half (by mass) are likelier by the same factor, those of the other half less likely."""
        seen, edge = 0, np.quantile(self.null, 1 - LEVEL)
        for _ in range(PLANTED):
            order = self.rng.permutation(self.p.size)
            half = np.zeros(self.p.size, dtype=bool)
            half[order[np.cumsum(self.p[order]) <= 0.5]] = True
            mass = self.p[half].sum()
            if not 0.02 < mass < 0.98:
                half[:] = False
                half[np.argmax(self.p)] = True
                mass = self.p[half].sum()
            other = self.p * np.where(half, 1 + DIFFERENCE / mass, 1 - DIFFERENCE / (1 - mass))
            seen += self.statistic(self.rng.multinomial(self.n, other / other.sum())) > edge
        return seen / PLANTED


def of_tokens() -> Table:
    """Single tokens."""
    rows = []
    for name, p in distributions().items():
        test = Goodness(p, DRAWS, 1)
        power = test.power()
        for kind in SCHEMES.names():
            say(f"{kind}: {name}")
            scheme = scheme_named(kind)
            p_value = test.p_value(marked_tokens(scheme, p, DRAWS, np.random.default_rng(2), name))
            free = "yes" if scheme.distortion_free else "no"
            rows.append({"scheme": kind, "distribution": name, "free": free, "p": p_value, "power at 1 %": power})
    adjusted = holm([row["p"] for row in rows if row["free"] == "yes"])
    note = (
        f"{DRAWS:,} tokens over {KEYS:,} keys, chi-square against the distribution without a mark, its null from "
        f"{NULLS:,} draws. Power: the share of {PLANTED} samples with a planted difference of 1 % (total variation) "
        f"that is called at {LEVEL}. Least p of the schemes that should not distort, after Holm: {adjusted.min():.3f}."
    )
    return Table("marks-tokens", "Do marks change how often a token comes?", rows, note)


TABLE = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.45, 0.1, 0.45]])
LENGTH, ANSWERS = 5, 400_000


def answers_chances() -> Floats:
    """(3^LENGTH,) of each answer of the bigram model `TABLE`."""
    chances = np.ones(1)
    last = np.zeros(1, dtype=int)
    for _ in range(LENGTH):
        chances = (chances[:, None] * TABLE[last]).ravel()
        last = np.tile(np.arange(3), chances.size // 3)
    return chances


@functools.cache
def own_seeds(name: str, n: int) -> Ints:
    """(n, 3) seeds of the three contexts of one token, under n keys."""
    contexts = np.array([[0], [1], [2]])
    return np.stack([seeds(secret(f"{name} answer {number}"), contexts) for number in range(n)])


def marked_answers(scheme: Scheme, n: int, once: bool, rng: np.random.Generator) -> Ints:
    """(n,) numbers of answers, each under a key of its own; ``once``: a context, of one token, marks once only."""
    own = own_seeds(scheme.name, n)
    used = np.zeros((n, 3), dtype=bool)
    code, last, everyone = np.zeros(n, dtype=int), np.zeros(n, dtype=int), np.arange(n)
    for place in range(LENGTH):
        p = TABLE[last]
        if place:
            coins = values(own[everyone, last][:, None], np.arange(3))
            free = used[everyone, last] if once else np.zeros(n, dtype=bool)
            p = np.where(free[:, None], p, scheme.reweighted(p, coins, np))
            used[everyone, last] = True
        last = drawn(p, rng)
        code = code * 3 + last
    return code


def of_answers() -> Table:
    """Whole answers, with the same context again and again."""
    test, rows = Goodness(answers_chances(), ANSWERS, 3), []
    power = test.power()
    for kind in SCHEMES.names():
        scheme = scheme_named(f"{kind}:context=1")
        for once in (True, False):
            say(f"answers under {kind}, {'once' if once else 'always'}")
            p_value = test.p_value(marked_answers(scheme, ANSWERS, once, np.random.default_rng(4)))
            marks = "new contexts (as we do)" if once else "every context"
            rows.append({"scheme": kind, "marked in": marks, "p": p_value, "power at 1 %": power})
    note = (
        f"{ANSWERS:,} answers of {LENGTH} tokens from three, all 243 of known probability, a key for each; the test as "
        "above. Without the rule of new contexts even schemes that distort no token are seen to distort answers."
    )
    return Table("marks-answers", "Do marks change how often a whole answer comes?", rows, note)


def texts(rng: np.random.Generator) -> Iterator[list[int]]:
    """Texts that nobody marked: words of docs/, with all their repeats."""
    found = re.findall(r"\w+|[^\w\s]", " ".join(p.read_text("utf-8") for p in sorted((ROOT / "docs").glob("*.md"))))
    numbers = {word: number for number, word in enumerate(dict.fromkeys(found))}
    for start in rng.integers(0, len(found) - 300, 2):
        yield [numbers[word] for word in found[start : start + 300]]


def of_p_values(replicates: int = 10_000) -> Table:
    """The test of text under a key, where the key had no part in it."""
    text, rows = list(texts(np.random.default_rng(5))), []
    levels = (0.0001, 0.001, 0.01, 0.05, 0.5)
    for kind in SCHEMES.names():
        say(f"p-values of {kind}")
        keys = [key(kind, number) for number in range(replicates)]
        p = np.array([test.p_value for test in text_tests(text, keys, marked_here=False)])
        shares = {f"≤ {level}": f"{np.mean(p <= level):.4f}" for level in levels}
        rows.append({"scheme": kind, "keys": replicates, **shares})
    note = "Two stretches of 300 words of docs/ against keys that marked nothing: share of p-values up to each level."
    return Table("marks-text-nulls", "Text under a key, where there is none", rows, note)


def main(names: Sequence[str] = ()) -> None:
    """The tables whose functions are named, or all that this environment can make."""
    tables: list[Callable[[], Table]] = [of_tokens, of_answers, of_p_values]
    if importlib.util.find_spec("torch"):
        from bench import marks_cost  # noqa: PLC0415 - torch is not everywhere

        tables += [marks_cost.of_model_answers, marks_cost.of_time]
    for table in tables:
        if not names or table.__name__ in names:
            publish(table())


if __name__ == "__main__":
    main(sys.argv[1:])
