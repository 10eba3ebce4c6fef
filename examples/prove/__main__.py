"""``python -m examples.prove --out FOLDER``: makes the case, serves both suspects, proves and checks. Offline."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from examples.prove.make import make
from examples.prove.serve import serving


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.prove", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    make(given.out, given.seed)
    with serving(json.loads((given.out / "suspects.json").read_text())) as server:
        for name in ("copy", "honest"):
            case, proof = given.out / f"{name}.toml", given.out / f"proof-{name}"
            _stillwatch("prove", server.address(name), "--case", str(case), "--plan")
            _stillwatch("prove", server.address(name), "--case", str(case), "--out", str(proof))
            _stillwatch("prove", "check", str(proof))
    return 0


def _stillwatch(*arguments: str) -> None:
    print(f"\n$ stillwatch {' '.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "stillwatch", *arguments], check=False)
    print(f"exit code {done.returncode}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
