"""The adapters to vLLM, with a stand-in for its interfaces. Run by ``make suspects``; passed over without torch."""

from __future__ import annotations

import hashlib
import itertools
import types

import numpy as np
import pytest
from scipy import stats

from stillwatch.errors import UsageError
from stillwatch.marks.base import MarkKey
from stillwatch.marks.sampling import SCHEMES
from stillwatch.proving.radioactivity.text import text_test

torch = pytest.importorskip("torch")
from tests.marks.sampling import vllm_stand_in as stand_in  # noqa: E402

VOCABULARY = 200


def key(name: str) -> MarkKey:
    scheme, _, number = name.partition("/")
    if number == "lost":
        raise UsageError("is no key of this register", name)
    secret = hashlib.sha256(name.encode()).digest()
    return MarkKey(id=name, secret=secret, scheme=scheme, scope="campaign", about="c1", epoch=0)


def p_value(answer: list[int], name: str) -> float:
    return text_test([answer], key(name)).p_value


def params(name: str | None, **settings: object) -> stand_in.SamplingParams:
    return stand_in.SamplingParams(extra_args=None if name is None else {"stillwatch_mark": name}, **settings)


@pytest.fixture(params=SCHEMES.names())
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _vllm() -> None:
    stand_in.install()
    torch.manual_seed(0)


def first_runner() -> stand_in.FirstRunner:
    from stillwatch.marks.sampling.engines.vllm import VllmMark  # noqa: PLC0415

    class Mark(VllmMark):
        key = staticmethod(key)

    config = types.SimpleNamespace(speculative_config=None)
    return stand_in.FirstRunner(Mark(config, torch.device("cpu"), False), VOCABULARY)


def second_runner() -> stand_in.SecondRunner:
    from stillwatch.marks.sampling.engines.vllm_runner2 import VllmRunner2Mark  # noqa: PLC0415

    class Mark(VllmRunner2Mark):
        key = staticmethod(key)

    runner = stand_in.SecondRunner(VOCABULARY)
    runner.processor = Mark(types.SimpleNamespace(speculative_config=None), runner.states)
    return runner


def test_requests_that_come_go_and_change_rows_keep_their_keys(scheme: str) -> None:
    runner, one, two = first_runner(), f"{scheme}/1", f"{scheme}/2"
    first = runner.add(params(one, temperature=1.3, top_p=0.95), [1, 2])
    plain = runner.add(params(None), [1, 2])
    second = runner.add(params(two, top_k=80), [3, 4])
    runner.steps(60)
    runner.remove(1)
    third = runner.add(params(one), [5, 6])
    runner.steps(60)
    runner.swap(0, 2)
    runner.steps(60)
    runner.remove(0)  # the second; what was last comes to its place
    runner.steps(60)
    assert max(p_value(first, one), p_value(second, two), p_value(third, one)) < 1e-3
    assert min(p_value(plain, one), p_value(first, two), p_value(second, one)) > 0.001


def test_the_second_runner_marks_what_its_slots_hold(scheme: str) -> None:
    runner, one, two = second_runner(), f"{scheme}/1", f"{scheme}/2"
    runner.add(0, params(one, temperature=1.3, top_p=0.95), [1, 2])
    runner.add(1, params(None), [1, 2])
    runner.add(2, params(two, top_k=80, min_p=0.001), [3, 4])
    runner.steps(120)
    plain, kept = runner.answer(1), runner.answer(2)
    runner.add(1, params(one), [7, 8, 9])
    runner.add(2, params(two, top_k=80), [3, 4], kept)  # taken up again, after a pause, with what it had said
    runner.steps(120)
    assert max(p_value(runner.answer(slot), name) for slot, name in ((0, one), (1, one), (2, two))) < 1e-4
    assert min(p_value(plain, one), p_value(runner.answer(0), two)) > 0.001


def test_a_marked_draw_keeps_one_token_that_the_cuts_allow() -> None:
    runner = first_runner()
    answer = runner.add(params("tournament/1", top_k=5, temperature=0.8), [1])
    runner.steps(200)
    for last, token in itertools.pairwise(answer):
        assert token in torch.topk(stand_in.logits_after(last, VOCABULARY), 5).indices


def test_unmarked_and_greedy_rows_are_left_as_they_are() -> None:
    runner = first_runner()
    runner.add(params(None), [1])
    greedy = runner.add(params("gumbel/1", temperature=0.0), [1])
    runner.steps(5)
    assert greedy == [int(stand_in.logits_after(last, VOCABULARY).argmax()) for last in [1, *greedy[:-1]]]
    logits = torch.randn(2, VOCABULARY)
    assert torch.equal(runner.processor.apply(logits.clone()), logits)
    assert second_runner().processor.add_request(0, params("gumbel/1", temperature=0.0)) is False


@pytest.mark.parametrize("runner", [1, 2])
def test_over_draws_tokens_come_as_vllm_would_have_drawn_them(runner: int) -> None:
    """4,000 tournaments in contexts of their own, with top-k and top-p, against the cut distribution."""
    from stillwatch.marks.sampling.engines.requests import Row, draw_marked, request_of  # noqa: PLC0415

    parameters = params("tournament/1", temperature=0.7, top_k=20, top_p=0.9)
    request = request_of(parameters, key, torch.device("cpu"))
    assert request is not None
    scaled = runner == 1
    logits = stand_in.logits_after(3, VOCABULARY) / (0.7 if scaled else 1.0)
    rows = [Row(number, request, (number, 5)) for number in range(4000)]
    tokens = draw_marked(logits.repeat(4000, 1), rows, scaled=scaled).argmax(1).numpy()
    p = torch.softmax(stand_in.logits_after(3, VOCABULARY).double() / 0.7, 0).numpy()
    order = np.argsort(-p)[:20]
    kept = order[np.cumsum(p[order]) - p[order] < 0.9 * p[order].sum()]
    counts = np.bincount(tokens, minlength=VOCABULARY)
    assert counts[kept].sum() == 4000
    assert stats.chisquare(counts[kept], p[kept] / p[kept].sum() * 4000).pvalue > 0.001


def test_a_seed_gives_the_same_answer_again() -> None:
    answers = []
    for _ in range(2):
        runner = first_runner()
        runner.add(params("red_green/1"), [9])  # another request draws beside it
        answers.append(runner.add(params("red_green/1", seed=7), [1]))
        answers[-1].extend([4, 5])
        runner.steps(1)
        torch.rand(3)
    assert answers[0] == answers[1]


def test_a_request_with_a_key_that_cannot_mark_fails_at_the_door() -> None:
    for runner in (first_runner(), second_runner()):
        check = type(runner.processor).validate_params
        check(params(None))
        check(params("gumbel/1"))
        for wrong, says in (("gumbel/lost", "no key"), ("blue/1", "known: gumbel"), (5, "must be the id")):
            with pytest.raises(ValueError, match=says):
                check(params(wrong))  # type: ignore[arg-type]


def test_what_marks_cannot_be_made_under_is_refused() -> None:
    from stillwatch.marks.sampling.engines.vllm import VllmMark  # noqa: PLC0415
    from stillwatch.marks.sampling.engines.vllm_runner2 import VllmRunner2Mark  # noqa: PLC0415

    config = types.SimpleNamespace(speculative_config=object())
    for start in (lambda: VllmMark(config, torch.device("cpu"), False), lambda: VllmRunner2Mark(config, None)):
        with pytest.raises(ValueError, match="speculative"):
            start()
    runner = first_runner()
    answer = runner.add(params("gumbel/1"), [1])
    runner.steps(3)
    answer.append(-1)
    with pytest.raises(RuntimeError, match="no-async-scheduling"):
        runner.processor.apply(torch.zeros(1, VOCABULARY))
