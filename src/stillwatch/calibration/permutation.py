"""P-values from draws under the null: the observed value always counts as one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Statistic = Callable[[NDArray[np.float64], NDArray[np.int64]], float]


def permutation_p_value(observed: float, null_draws: ArrayLike) -> float:
    """Share of the null at least as extreme as ``observed``, one-sided (large is extreme).

    ``(b + 1) / (m + 1)`` with ``b`` of the ``m`` draws ``>= observed`` (Phipson & Smyth 2010,
    "Permutation P-values should never be zero"). Under the null it is uniform on its grid, or larger
    where draws are tied.

    Args:
        observed: the statistic of the real data.
        null_draws: (m,) the statistic of data drawn under the null.

    Returns:
        A p-value in (0, 1]. With no draws (m = 0) it is 1: nothing was shown. With one, 1/2 or 1.

    Raises:
        ValueError: a value is not a number (NaN), or ``null_draws`` is not one-dimensional.
    """
    draws = np.asarray(null_draws, dtype=np.float64)
    if draws.ndim != 1:
        raise ValueError(f"null_draws must be one-dimensional, not {draws.ndim}-dimensional")
    if np.isnan(observed) or bool(np.isnan(draws).any()):
        raise ValueError("a permutation test needs numbers: the observed value or a null draw is NaN")
    return float((np.count_nonzero(draws >= observed) + 1) / (draws.size + 1))


def size_classes(account_of_session: ArrayLike) -> NDArray[np.int64]:
    """Class of like size of each session's account: floor of log2 of the account's number of sessions.

    Args:
        account_of_session: (s,) integer account of each session.

    Returns:
        (s,) the class; empty for no sessions. Accounts of one class differ at most by a factor of two.
    """
    accounts = np.asarray(account_of_session, dtype=np.int64)
    _, inverse, counts = np.unique(accounts, return_inverse=True, return_counts=True)
    return np.floor(np.log2(np.maximum(counts, 1))).astype(np.int64)[inverse]


def group_permutation_test(
    values_by_session: ArrayLike,
    account_of_session: ArrayLike,
    statistic: Statistic,
    n_permutations: int,
    seed: int,
    strata: ArrayLike | None = None,
) -> float:
    """P-value of "it does not matter to which account a session belongs", by dealing sessions anew.

    Whole sessions are dealt among the accounts of the same stratum, so exchanges of one conversation
    stay together and every account keeps its number of sessions. The statistic is recomputed for each
    deal; large values speak against the null. The p-value is exact where sessions of a stratum are
    exchangeable (Pitman 1937).

    Rows are put into a canonical order first, so the answer does not depend on the order of the log
    (given the same account numbers).

    Args:
        values_by_session: (s,) or (s, d) what is known of each session.
        account_of_session: (s,) integer account of each session.
        statistic: ``(values (s, d), accounts (s,)) -> float``.
        n_permutations: number of deals; the smallest p-value possible is 1 / (n_permutations + 1).
        seed: of the random deals.
        strata: (s,) integers; sessions are dealt inside a stratum only. Default: accounts of like size
            (`size_classes`).

    Returns:
        The p-value; 1 for no session or one.

    Raises:
        ValueError: lengths differ, ``n_permutations`` is negative, or the statistic gives NaN.
    """
    values = np.asarray(values_by_session, dtype=np.float64)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    accounts = np.asarray(account_of_session, dtype=np.int64)
    blocks = size_classes(accounts) if strata is None else np.asarray(strata, dtype=np.int64)
    if not len(values) == len(accounts) == len(blocks):
        raise ValueError(f"lengths must agree: {len(values)} sessions, {len(accounts)} accounts, {len(blocks)} strata")
    if n_permutations < 0:
        raise ValueError(f"n_permutations must be 0 or more, not {n_permutations}")
    if len(values) < 2:
        return 1.0
    order = np.lexsort((*values.T[::-1], accounts, blocks))
    values, accounts, blocks = values[order], accounts[order], blocks[order]
    rng = np.random.default_rng(seed)
    draws = np.empty(n_permutations)
    for i in range(n_permutations):
        # Rows are sorted by stratum: sorting random keys inside each stratum permutes it alone.
        dealt = np.lexsort((rng.random(len(blocks)), blocks))
        draws[i] = statistic(values, accounts[dealt])
    return permutation_p_value(statistic(values, accounts), draws)
