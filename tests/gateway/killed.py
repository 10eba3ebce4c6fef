"""A gateway in a process of its own, under load, that is there to be killed.

It prints a line for each exchange after `Gate.observed` returned: whoever reads that line may rely on it. Accounts
``t0`` to ``t9`` are claimed of.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from stillwatch.gateway.gate import open_gate
from stillwatch.gateway.stores.base import change
from tests.gateway.claims import asked, claim, ended


def main(state: str, policy: str, store: str, name: str) -> None:
    gate = open_gate(Path(state), Path(policy), store=store or None)
    gate.put([change(claim(f"t{number}", since=gate.now())) for number in range(10)])
    gate.refresh()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    number = 0
    while True:
        account = f"t{number % 10}" if number % 3 == 0 else f"b{number % 500}"
        decision = gate.decide(asked(account, gate.now()))
        observed = ended(decision, input_tokens=10, output_tokens=5, status=200, model="m")
        observed.row["exchange_id"] = f"{name}-{number}"
        gate.observed(observed)
        sys.stdout.write(f"{name}-{number} {account} {decision.at} {int(decision.touches)}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(0.0005)  # about a thousand a second at most: a gateway shares its machine


if __name__ == "__main__":
    main(*sys.argv[1:])
