from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings

from stillwatch.linkage.activity import Activity

# A machine that is busy with other things is no failure of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def made() -> Callable[..., Activity]:
    return made_activity


def made_activity(accounts: int, sessions: int = 6, seed: int = 0) -> Activity:
    """An activity without meaning: every account with the same number of random sessions."""
    rng = np.random.default_rng(seed)
    s = accounts * sessions
    vector = rng.normal(size=(s, 16)).astype(np.float32)
    vector /= np.linalg.norm(vector, axis=1, keepdims=True) if s else 1

    def codes(size: int) -> np.ndarray:
        return rng.integers(0, size, s)

    return Activity(
        accounts=accounts,
        account=np.repeat(np.arange(accounts), sessions),
        start=rng.uniform(0, 14, s),
        turns=rng.integers(1, 5, s).astype(float),
        errors=rng.integers(0, 2, s).astype(float),
        answered=rng.uniform(0, 8, s),
        topics=tuple(codes(size) for size in (8, 20, 40)),
        codebooks=(8, 20, 40),
        redrawn=(),
        wording=codes(4),
        repeat=codes(max(3 * s // 5, 1)),
        technique=rng.dirichlet(np.ones(8), s)[:, :7] if s else np.zeros((0, 7)),
        vector=vector,
        talk=rng.random(s) < 0.3,
        system=codes(3),
        tools=rng.integers(0, 2, s),
        model=codes(2),
        temperature=codes(4),
        max_tokens=codes(3),
        client=codes(6),
        address=codes(30),
        network=codes(12),
        fingerprint=codes(5),
        payment=rng.integers(0, max(accounts, 1), accounts),
        organization=rng.integers(0, max(accounts, 1), accounts),
        created=rng.uniform(-100, 0, accounts),
        newest=1,
        sees=frozenset({"content", "customers", "network"}),
    )
