"""Sketch of a set by minima, which merges by itself: how many distinct values, and how alike two sets are.

Inputs are columns of *keyed hashes* (`stillwatch.exchange.keyed_hashes`): their bits are uniform, which the
estimates rely on. Null hashes count for nothing.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from stillwatch.signals.base import Aggregate

BUCKETS = 1024
_BUCKET_BITS = 10
_LARGEST = 2**31 - 1
_FULL = 0.95  # share of filled buckets beyond which the minima say more than the empty buckets


def bucket_minima(column: str) -> Aggregate:
    """Least hash in each of `BUCKETS` buckets (one-permutation hashing, Li, Owen & Zhang 2012).

    Keyed by bucket, so an account keeps no more rows than it has values, and never more than `BUCKETS`. Of two
    accounts, the share of buckets with equal minima among those filled in either estimates the Jaccard similarity
    of their sets.
    """
    return Aggregate(
        lambda t: (t[column] >> _BUCKET_BITS) & _LARGEST,
        "min",
        key=lambda t: t[column] & (BUCKETS - 1),
    )


def distinct_values(account: ir.Table, name: str) -> ir.Value:
    """Estimated number of distinct values behind `bucket_minima` called ``name``; 0 for none.

    From the empty buckets while there are some (linear counting, Whang et al. 1990), from the minima beyond (Giroire
    2009). Within about 1 % up to 100 values, 5 % for any number.
    """
    filled = account[f"{name}_keys"].cast("float64")
    # ln and division see harmless numbers also in the branch that is not taken: engines may evaluate both.
    empty = ibis.greatest(float(BUCKETS) - filled, 1.0)
    few = (float(BUCKETS) / empty).ln() * float(BUCKETS)
    mass = (account[f"{name}_total"].cast("float64") + (float(BUCKETS) - filled) * _LARGEST) / _LARGEST
    many = (BUCKETS * (BUCKETS - 1.0)) / ibis.greatest(mass, 1e-6)
    unbiased = many * (1.0 - (-many / float(BUCKETS)).exp())
    return ibis.ifelse(filled <= _FULL * BUCKETS, few, unbiased)
