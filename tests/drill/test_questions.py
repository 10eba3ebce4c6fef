"""What a drill asks next: every cell in turn, what is unclear first, never more than the log can give up."""

from __future__ import annotations

from stillwatch.drill.adversaries import drilled, evasions, library
from stillwatch.drill.questions import (
    COVERS,
    EVADING,
    KIN,
    SIZES,
    TOGETHER,
    Asked,
    Question,
    Supply,
    choose,
    evading,
    grid,
    possible,
    settled,
)

LIBRARY = {name: library()[name] for name in drilled()}
BASES = {each.of: library()[each.of] for each in evasions()}
ALL = LIBRARY | BASES | {each.name: each for each in evasions()}
PLENTY = Supply(tasks=100_000, hosts=5_000)


def test_the_grid_has_every_cell_once_and_the_usual_ones_first() -> None:
    asked = grid(LIBRARY.values(), SIZES, COVERS)
    assert len({q.name for q in asked}) == len(asked) == len(LIBRARY) * (len(SIZES) * len(COVERS) + 2)
    usual = [q for q in asked if q.stage == 0]
    assert {q.adversary for q in usual} == set(LIBRARY)
    assert {(q.accounts, q.cover) for q in usual} == {(60, 0.3)}


def test_an_evasion_takes_as_much_as_its_base() -> None:
    asked = {q.adversary: q for q in evading(evasions(), BASES)}
    for name, question in asked.items():
        base = ALL[ALL[name].of or name].campaign
        harvest = base.accounts * base.exchanges * (1 - base.cover)
        taken = question.accounts * question.exchanges * (1 - question.cover)
        assert harvest - 1e-6 <= taken <= harvest + question.exchanges or question.accounts == 12
        assert question.stage == EVADING


def test_an_answer_is_clear_when_the_interval_leaves_the_middle() -> None:
    assert not settled(Asked(0, 0))
    assert not settled(Asked(5, 5))
    assert settled(Asked(8, 8))
    assert settled(Asked(8, 0))
    assert not settled(Asked(20, 10))
    assert settled(Asked(60, 30))


def test_one_planting_asks_different_adversaries_and_fits_the_log() -> None:
    open_ = {q: Asked(0, 0) for q in grid(LIBRARY.values(), SIZES, COVERS)}
    chosen, share = choose(open_, ALL, PLENTY, number=0)
    assert len(chosen) == TOGETHER
    assert len({q.adversary for q in chosen}) == TOGETHER
    assert all(q.stage == 0 for q in chosen)
    assert 0.2 <= share <= 0.6
    few, share = choose(open_, ALL, Supply(tasks=3_000, hosts=400), number=0)
    assert 0 < len(few) < TOGETHER
    assert share <= 0.6


def test_few_evasions_of_one_adversary_are_planted_together() -> None:
    open_ = {q: Asked(0, 0) for q in evading(evasions(), BASES)}
    chosen, _ = choose(open_, ALL, PLENTY, number=3)
    bases = [ALL[q.adversary].of or q.adversary for q in chosen]
    assert max(bases.count(base) for base in bases) == KIN
    assert len({q.adversary for q in chosen}) == len(chosen)


def test_what_is_asked_already_waits_its_turn() -> None:
    open_ = {q: Asked(0, 0) for q in grid(LIBRARY.values(), SIZES, COVERS)}
    order: list[Question] = []
    for number in range(65):
        chosen, _ = choose(open_, ALL, PLENTY, number)
        order += chosen
        for q in chosen:
            open_[q] = open_[q]._replace(under_way=open_[q].under_way + 1)
    assert set(order) == set(open_)  # no question is asked a seventh time before all were asked
    assert max(a.under_way for a in open_.values()) <= 6


def test_a_question_that_no_log_could_answer_is_not_asked() -> None:
    huge = Question("ghost", 5_000, 60.0, 0.0, 1)
    assert not possible(huge, ALL["ghost"], PLENTY)
    assert choose({huge: Asked(0, 0)}, ALL, PLENTY, 0)[0] == []
