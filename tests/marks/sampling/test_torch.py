"""Marks made by torch are the marks that numpy scores. Run by ``make suspects``; passed over without torch."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling import SCHEMES
from stillwatch.marks.sampling.answers import UsedContexts
from stillwatch.marks.sampling.naming import scheme_named
from stillwatch.marks.sampling.randomness import seeds, uniforms, values
from stillwatch.proving.radioactivity.text import text_tests

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from stillwatch.marks.sampling.engines.rows import Marking, coin_for, mark_rows  # noqa: E402
from stillwatch.marks.sampling.engines.transformers import Marked, MarkProcessor  # noqa: E402

VOCABULARY = 400


def key(scheme: str, number: int = 1) -> MarkKey:
    secret = hashlib.sha256(f"{scheme} {number}".encode()).digest()
    return MarkKey(id=f"key-{number}", secret=secret, scheme=scheme, scope="campaign", about="c1", epoch=0)


@pytest.fixture(params=SCHEMES.names(), scope="module")
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model() -> transformers.GPT2LMHeadModel:
    """Untrained, with weights large enough for distributions that are neither flat nor certain."""
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=256, n_embd=32, n_layer=2, n_head=2, initializer_range=0.35,
        bos_token_id=0, eos_token_id=None, pad_token_id=0,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).eval()


def generated(
    model: transformers.GPT2LMHeadModel, rows: int, length: int, marked: Marked | None, **how: object
) -> npt.NDArray[np.int64]:
    torch.manual_seed(2)
    prompt = torch.arange(1, 6).repeat(rows, 1)
    settings = {"do_sample": True, "top_k": 0, "max_new_tokens": length, "watermarking_config": marked, **how}
    out = model.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
    return np.asarray(out[:, 5:])


def test_coins_are_the_same_bit_for_bit() -> None:
    tokens, contexts = np.arange(150_000), np.array([[1, 2], [149_999, 0], [7, 7]])
    start = seeds(bytes(32), contexts)
    ours = values(start[:, None], tokens)
    theirs = values(torch.tensor(start)[:, None], torch.tensor(tokens))
    assert (theirs.numpy() == ours).all()
    assert (uniforms(theirs, torch).numpy() == uniforms(ours, np)).all()


def test_torch_and_numpy_reweight_alike(scheme: str) -> None:
    one, context = key(scheme), [3, 5]
    logits = torch.randn(2, VOCABULARY, generator=torch.Generator().manual_seed(3))
    logits[0, 50:] = -torch.inf
    marking = Marking.of(one)
    out = torch.softmax(mark_rows(logits.clone(), [coin_for(marking, context), None]), dim=1, dtype=torch.float64)
    p = torch.softmax(logits[0], dim=0, dtype=torch.float64).numpy()
    words = values(seeds(one.secret, np.array([context])), np.arange(VOCABULARY))
    assert np.allclose(out[0].numpy(), scheme_named(scheme).reweighted(p, words, np), atol=1e-6)
    assert not out[0, 50:].any()
    assert torch.allclose(out[1], torch.softmax(logits[1], dim=0, dtype=torch.float64))


def test_whole_rows_at_once_come_out_as_row_by_row(scheme: str) -> None:
    """The way that accelerators go, which needs none to be run."""
    logits = torch.randn(3, VOCABULARY, generator=torch.Generator().manual_seed(4))
    logits[1, 10:] = -torch.inf
    coins = [coin_for(Marking.of(key(scheme)), [n, n]) for n in range(3)]
    one_by_one = mark_rows(logits.clone(), coins)

    at_once = mark_rows(logits.clone(), coins, whole=True)
    assert torch.allclose(torch.softmax(at_once, 1), torch.softmax(one_by_one, 1), atol=1e-6)


def test_rare_tokens_keep_their_probability_and_the_others_share_theirs(scheme: str) -> None:
    head = torch.linspace(8, 6, 40)
    logits = torch.cat([head, torch.zeros(200_000)])[None]
    before = torch.softmax(logits[0].double(), 0)
    assert before[40] < 1e-5
    assert 0.7 < before[40:].sum() < 0.9
    after = torch.softmax(mark_rows(logits.clone(), [coin_for(Marking.of(key(scheme)), [1, 2])])[0].double(), 0)
    assert torch.allclose(after[40:], before[40:], rtol=1e-4)
    assert not torch.allclose(after[:40], before[:40], rtol=0.01)


def test_what_generate_marks_the_detector_finds(scheme: str, model: transformers.GPT2LMHeadModel) -> None:
    """Batch of six, one key; temperature, top-k and top-p before it."""
    out = generated(model, 6, 60, Marked(key(scheme)), temperature=1.2, top_k=100, top_p=0.95)
    tests = text_tests(list(out), [key(scheme, number) for number in range(1, 101)])
    assert tests[0].adjusted < 1e-6
    assert min(test.adjusted for test in tests[1:]) > 0.001


def test_every_row_under_its_own_key_and_one_under_none(scheme: str, model: transformers.GPT2LMHeadModel) -> None:
    keys = [key(scheme, 1), None, key("red_green:context=1,delta=4.0", 2)]
    out = generated(model, 3, 150, Marked(keys))
    tests = text_tests([out[0]], [key(scheme, 1)]) + text_tests([out[2]], [keys[2]])
    assert max(test.p_value for test in tests) < 1e-3
    assert min(test.p_value for k in (keys[0], keys[2]) for test in text_tests([out[1]], [k])) > 0.001


def test_only_new_contexts_of_the_answer_are_marked() -> None:
    """Gumbel leaves one token; where all are left, the row was not marked."""
    answer = np.random.default_rng(5).integers(0, 3, 60).tolist()
    processor, used = MarkProcessor(key("gumbel")), UsedContexts(2)
    for length in range(len(answer)):
        ids = torch.tensor([[9, 9, 9, *answer[:length]]])
        left = int((processor(ids, torch.zeros(1, VOCABULARY)) > -torch.inf).sum())
        assert (left == 1) == (used.next(answer[:length]) is not None)


def test_what_comes_before_the_mark_decides_what_can_come(model: transformers.GPT2LMHeadModel) -> None:
    """With top-k of one there is no choice, and no mark changes a token."""
    plain = generated(model, 2, 30, None, top_k=1)
    assert (generated(model, 2, 30, Marked(key("gumbel")), top_k=1) == plain).all()


def test_beams_that_change_places_are_marked_too(model: transformers.GPT2LMHeadModel) -> None:
    out = generated(model, 2, 30, Marked(key("red_green:delta=6.0")), num_beams=3)
    assert text_tests(list(out), [key("red_green:delta=6.0")])[0].p_value < 1e-6


def test_the_first_marked_token_is_drawn_as_ever_over_keys(scheme: str, model: transformers.GPT2LMHeadModel) -> None:
    """8,000 rows with a key each, contexts alike: tokens as often as the model says, unless the scheme distorts."""
    rows, tokens = 8000, 12
    logits = torch.full((1, VOCABULARY), -torch.inf)
    logits[0, :tokens] = torch.linspace(0, 3, tokens)
    ids = torch.tensor([[8, 9, 1, 2]]).repeat(rows, 1)
    processor = MarkProcessor([key(scheme, number) for number in range(rows)])
    processor(ids[:, :2], logits.repeat(rows, 1))
    out = torch.softmax(processor(ids, logits.repeat(rows, 1)), dim=1)
    drawn = torch.multinomial(out, 1, generator=torch.Generator().manual_seed(6))[:, 0].numpy()
    expected = torch.softmax(logits[0, :tokens].double(), dim=0).numpy() * rows
    p_value = stats.chisquare(np.bincount(drawn, minlength=tokens), expected).pvalue
    assert (p_value > 0.001) == scheme_named(scheme).distortion_free


def test_no_secret_is_printed_or_saved() -> None:
    one = key("gumbel")
    config = transformers.GenerationConfig(do_sample=True, watermarking_config=Marked(one))
    marked = config.watermarking_config
    inside = vars(marked.construct_processor(VOCABULARY))
    for text in (repr(config), str(config.to_dict()), repr(marked), json.dumps(dict(marked)), repr(inside)):
        assert one.secret.hex() not in text
        assert repr(one.secret)[2:-1] not in text
    assert "key-1 gumbel" in repr(marked)


def test_keys_that_are_not_as_many_as_the_rows_are_refused(model: transformers.GPT2LMHeadModel) -> None:
    with pytest.raises(ValueError, match="2 keys were given for 3 rows"):
        generated(model, 3, 5, Marked([key("gumbel"), None]))
