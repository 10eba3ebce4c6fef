"""A fingerprint: nobody learns from it who was in the campaign, and it finds the campaign and not innocents."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stillwatch.campaigns.results import behaviour_table
from stillwatch.errors import InputError
from stillwatch.sharing.bulletin import Fingerprint
from stillwatch.sharing.fingerprint import ADVANTAGE, LEAST, likeness, make_fingerprint, secret_seed
from stillwatch.sharing.fingerprint.sketch import NOISE, protected
from stillwatch.sharing.fingerprint.votes import in_steps, read_voters
from stillwatch.signals.behaviour import STEPS, TRAITS, Behaviour, classes

ALPHAS = (0.001, 0.01, 0.05, 0.1)


def population(shares: np.ndarray, seed: int, prefix: str = "i") -> tuple[list[str], Behaviour]:
    """Accounts whose one vote falls into a class by ``shares`` (accounts, k), with traits that follow their class."""
    rng = np.random.default_rng(seed)
    chosen = np.array([rng.choice(classes(), p=row) for row in shares])
    votes = np.zeros((len(shares), classes()))
    votes[np.arange(len(shares)), chosen] = 1
    traits = rng.normal(size=(len(shares), TRAITS)) * 0.3
    traits[:, 0] += chosen / 10
    return [f"{prefix}{i:04d}" for i in range(len(shares))], Behaviour(rng.integers(1, 60, len(shares)), votes, traits)


def spread(accounts: int, seed: int, likely: int | None = None) -> np.ndarray:
    """Shares of classes (accounts, k): those of the innocent, or mostly one class."""
    rng = np.random.default_rng(seed)
    usual = rng.dirichlet(np.full(classes(), 0.3))
    usual[:8] *= 0.02
    shares = np.tile(usual / usual.sum(), (accounts, 1))
    if likely is not None:
        shares = 0.25 * shares
        shares[:, likely] += 0.75
    return shares


def table(*parts: tuple[list[str], Behaviour]) -> pa.Table:
    ids = [name for names, _ in parts for name in names]
    joined = Behaviour(
        *(np.concatenate([getattr(b, name) for _, b in parts]) for name in ("sessions", "votes", "traits"))
    )
    return behaviour_table(pa.array(ids), joined)


@given(arrays(np.float64, (5, 12), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_an_account_weighs_one_vote_whatever_the_table_says(votes: np.ndarray) -> None:
    steps = in_steps(votes)
    assert (steps >= 0).all()
    assert (steps.sum(axis=1) <= STEPS).all()


@given(st.integers(0, 1000), st.integers(0, 59))
@settings(max_examples=30, deadline=None)
def test_one_account_more_or_less_moves_the_sums_by_one_vote_at_most(seed: int, gone: int) -> None:
    names, behaviour = population(spread(60, seed), seed)
    voters = read_voters(table((names, behaviour)))
    assert voters is not None
    whole = voters.votes.sum(axis=0)
    without = np.delete(voters.votes, gone, axis=0).sum(axis=0)
    assert np.abs(whole - without).sum() <= STEPS


@pytest.mark.parametrize("moved", [(8,), (5, 3), (1, 1, 6), (4, 4)])
def test_the_total_variation_of_any_vote_is_within_the_bound(moved: tuple[int, ...]) -> None:
    """Exactly, by counting: what two boxes do not have in common, over what each holds."""
    assert sum(moved) == STEPS
    width = 2 * NOISE + 1
    common = np.prod([(width - each) / width for each in moved])
    assert 1 - common <= ADVANTAGE + 1e-12
    assert ADVANTAGE <= 0.05


def test_noise_is_even_over_its_whole_range() -> None:
    drawn = np.concatenate([protected(np.zeros(classes(), dtype=np.int64), seed) for seed in range(1500)])
    counts = np.bincount(drawn + NOISE, minlength=2 * NOISE + 1)
    assert len(counts) == 2 * NOISE + 1
    expected = len(drawn) / len(counts)
    chi = float(((counts - expected) ** 2 / expected).sum())
    assert chi < 2 * NOISE + 6 * np.sqrt(4 * NOISE)


def test_the_best_attack_on_membership_gains_no_more_than_the_bound() -> None:
    """It knows every other account and the account itself, and plays the likelihood ratio."""
    names, behaviour = population(spread(40, 3, likely=2), 3)
    voters = read_voters(table((names, behaviour)))
    assert voters is not None
    rng = np.random.default_rng(0)
    whole, without, draws = voters.votes.sum(axis=0), voters.votes[1:].sum(axis=0), 4000
    right = 0
    for truth, lie in itertools.permutations((whole, without)):
        for seed in range(draws):
            possible = (np.abs(protected(truth, seed + draws * int(truth is whole)) - lie) <= NOISE).all()
            right += int(not possible or rng.random() < 0.5)
    advantage = right / draws - 1
    assert advantage <= ADVANTAGE + 3 / np.sqrt(2 * draws)
    assert advantage > 0


def test_few_accounts_or_accounts_without_text_have_no_fingerprint() -> None:
    names, behaviour = population(spread(60, 1), 1)
    behaviour.votes[30:] = 0
    held = table((names, behaviour))
    assert make_fingerprint(held, names[: LEAST - 1], seed=1) is None
    assert make_fingerprint(held, [names[0]] * 100, seed=1) is None
    assert make_fingerprint(held, names[30:], seed=1) is None
    assert make_fingerprint(held, [], seed=1) is None
    assert make_fingerprint(held, names[:LEAST], seed=1) is not None


def test_a_fingerprint_is_what_a_bulletin_can_hold() -> None:
    names, behaviour = population(spread(600, 1, likely=4), 1)
    made = make_fingerprint(table((names, behaviour)), names, seed=None)
    assert made is not None
    assert msgspec.json.decode(msgspec.json.encode(made), type=Fingerprint) == made
    assert made.accounts == 500
    assert made.advantage <= 0.05
    assert len(made.values) == classes()
    assert made.values[4] * made.scale * made.accounts == pytest.approx(0.75 * 600, abs=60)


def test_a_seed_gives_the_same_noise_and_no_seed_new_noise() -> None:
    names, behaviour = population(spread(60, 1), 1)
    held = table((names, behaviour))
    assert make_fingerprint(held, names, seed=5) == make_fingerprint(held, names[::-1], seed=5)
    assert make_fingerprint(held, names, seed=5) != make_fingerprint(held, names, seed=6)
    assert make_fingerprint(held, names, seed=None) != make_fingerprint(held, names, seed=None)


def test_a_secret_gives_the_same_accounts_the_same_noise_again() -> None:
    """So a bulletin that is published twice tells nothing twice; other accounts have noise of their own."""
    names, behaviour = population(spread(60, 1), 1)
    held, secret = table((names, behaviour)), b"s" * 32
    assert secret_seed(secret, held, names) == secret_seed(secret, held, names[::-1])
    assert secret_seed(secret, held, names) != secret_seed(secret, held, names[1:])
    assert secret_seed(secret, held, names) != secret_seed(b"t" * 32, held, names)
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        secret_seed(b"short", held, names)


def test_a_campaign_is_found_elsewhere_and_another_is_not() -> None:
    here = population(spread(40, 1, likely=2), 5, "c")
    told = make_fingerprint(table(here), here[0], seed=9)
    assert told is not None
    innocent = population(spread(700, 2), 6)
    same, other = population(spread(35, 2, likely=2), 7, "s"), population(spread(35, 2, likely=5), 8, "o")
    held = table(innocent, same, other)
    found = likeness(told, held, [same[0], other[0], innocent[0][:35]], innocent=innocent[0], seed=1)
    assert found[0].p_value <= 0.001
    assert found[1].p_value > 0.1
    assert found[2].p_value > 0.01
    assert min(each.draws for each in found) >= 999
    assert found == likeness(told, held, [same[0], other[0], innocent[0][:35]], innocent=innocent[0], seed=1)


@pytest.mark.parametrize("family", ["random", "coherent", "one class"])
def test_p_values_of_innocent_groups_are_valid(family: str) -> None:
    """Shares of p-values at or below each level are no larger than the level, up to what chance does to so many."""
    rng = np.random.default_rng(11)
    innocent = population(spread(420, 2), 6)
    names = np.array(innocent[0])
    held = table(innocent)
    values = []
    for call in range(5):
        here = population(spread(40, 100 + call, likely=call % 8), call, "c")
        told = make_fingerprint(table(here), here[0], seed=call)
        assert told is not None
        groups = []
        for _ in range(12):
            chosen = rng.permutation(len(names))[:15]
            if family == "coherent":  # by another sense of near than the test's own
                distance = np.abs(innocent[1].traits[:, 1:4] - innocent[1].traits[chosen[0], 1:4]).max(axis=1)
                chosen = np.argsort(distance)[:15]
            if family == "one class":
                mine = innocent[1].votes.argmax(axis=1) == innocent[1].votes[chosen[0]].argmax()
                chosen = rng.permutation(np.flatnonzero(mine))[:15]
            groups.append(names[chosen].tolist())
        values += [each.p_value for each in likeness(told, held, groups, innocent=innocent[0], seed=call)]
    for alpha in ALPHAS:
        share = float((np.array(values) <= alpha).mean())
        assert share <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / len(values)), (family, alpha)


def test_what_cannot_be_compared_has_p_1() -> None:
    here = population(spread(40, 1, likely=2), 5, "c")
    told = make_fingerprint(table(here), here[0], seed=9)
    assert told is not None
    innocent = population(spread(300, 2), 6)
    held = table(innocent, here)
    elsewhere = msgspec.structs.replace(told, space="0" * 16)
    for fingerprint, groups in (
        (elsewhere, [here[0]]),
        (msgspec.structs.replace(told, values=told.values[:3]), [here[0]]),
        (msgspec.structs.replace(told, accounts=2**50), [here[0]]),
        (msgspec.structs.replace(told, noise=0.0), [here[0]]),
        (msgspec.structs.replace(told, scale=1e6), [here[0]]),
        (told, [here[0][:4], ["nobody"], []]),
    ):
        found = likeness(fingerprint, held, groups, innocent=innocent[0], seed=1)
        assert [(each.p_value, each.draws) for each in found] == [(1.0, 0)] * len(groups)
    assert likeness(told, held, [here[0]], innocent=innocent[0][:60], seed=1)[0].p_value == 1
    assert likeness(told, held, [], innocent=innocent[0], seed=1) == ()


def test_a_table_that_is_no_behaviour_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="no table of behaviour"):
        make_fingerprint(pa.table({"account_id": ["a"]}), ["a"], seed=1)
