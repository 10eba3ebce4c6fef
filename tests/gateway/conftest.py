from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.gateway.gate import Gate, open_gate
from tests.gateway.claims import Open, SetClock, write_policy


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    gates: list[Gate] = []

    def make(name: str = "state", **other: object) -> Gate:
        policy = tmp_path / "policy.toml"
        if not policy.exists():
            write_policy(policy)
        gates.append(open_gate(tmp_path / name, policy, **{"clock": SetClock(), **other}))  # type: ignore[arg-type]
        return gates[-1]

    yield make
    for gate in gates:
        gate.close()
