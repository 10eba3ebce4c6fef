"""Keys that chose tokens, through the driver: a suspect that took them over is found, another key is not."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from stillwatch.marks.base import MarkKey
from stillwatch.marks.commitments import entry_for
from stillwatch.marks.sampling.answers import marked_answer
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.proving.case import Case, Claim, Marks
from stillwatch.proving.material import Exchange, Material, Opened
from stillwatch.proving.report import Answered, Fixed
from stillwatch.proving.said import Said
from stillwatch.proving.tiers.marks import outcomes, planned

WORDS = 60


def key(seed: int) -> MarkKey:
    secret = hashlib.sha256(f"tokens {seed}".encode()).digest()
    return MarkKey(id=secret.hex()[:16], secret=secret, scheme="gumbel", scope="campaign", about="C1", epoch=0)


def tokenizer() -> Tokenizer:
    vocabulary = {f"w{i}": i for i in range(WORDS)} | {"?": WORDS}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made


def texts(number: int, secret: bytes | None, seed: int) -> list[str]:
    """Texts by a bigram model, its tokens chosen under a key."""
    table = np.random.default_rng(7).dirichlet(np.full(WORDS, 0.2), WORDS)
    rng = np.random.default_rng(seed)
    scheme = scheme_named("gumbel")
    made = [
        marked_answer(lambda answer: table[answer[-1] if answer else 0], 60, scheme, secret, rng) for _ in range(number)
    ]
    return [" ".join(f"w{token}" for token in answer) for answer in made]


def material(of: MarkKey, with_tokenizer: bool = True) -> Material:
    entry = entry_for(of, at=0, decoys=1000)
    fixed = Fixed(
        key=of.id, scheme=of.scheme, commitment=entry.commitment, said="2026-01-01T00:00:00Z", before="2026-02-01"
    )
    case = Case(
        claim=Claim(suspect="s", model="m", by="b"), marks=Marks(openings=("o.json",), marked="m.jsonl", decoys=50)
    )
    marked = tuple(Exchange(f"p{i}", text, of.id, None, None) for i, text in enumerate(texts(60, of.secret, 1)))
    return Material(
        case,
        opened=(Opened(of, entry, fixed),),
        tried=1,
        marked=marked,
        tokenizer=tokenizer() if with_tokenizer else None,
    )


def said(answers: list[str]) -> Said:
    facts = Answered(
        endpoint="e", says_it_is=(), planned=len(answers), answered=len(answers), failed=0, other=0, tokens_in=0,
        tokens_out=0, began="", first="", last="", seal="",
    )  # fmt: skip
    return Said({f"q{i}": (text,) for i, text in enumerate(answers)}, {}, facts, 0)


def test_a_suspect_that_took_the_mark_over_is_found_and_its_controls_hold() -> None:
    ours = key(1)
    found = list(outcomes(material(ours), said(texts(60, ours.secret, 2))))
    assert [each.planned for each in found] == list(planned(material(ours)))
    for each in found:
        assert each.withheld == ()
        assert each.evidence.p_value is not None
        assert each.evidence.p_value < 1e-6
        assert each.evidence.numbers["decoy_rank_p"] == pytest.approx(1 / 51)
        assert "2026-01-01" in each.evidence.randomised
        assert not any(control.failed for control in each.controls)


def test_a_suspect_that_took_over_another_key_or_none_is_not() -> None:
    ours = key(1)
    for secret in (None, key(2).secret):
        for each in outcomes(material(ours), said(texts(60, secret, 3))):
            assert each.evidence.p_value is not None
            assert each.evidence.p_value > 1e-3


def test_without_a_tokenizer_the_tests_are_withheld_and_say_what_they_need() -> None:
    found = list(outcomes(material(key(1), with_tokenizer=False), said(["w1 w2"])))
    assert len(found) == 2
    for each in found:
        assert each.evidence.p_value is None
        assert "tokenizer.json" in each.withheld[0]
