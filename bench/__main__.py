"""The tables that the README quotes: ``python -m bench [TABLE…]``; without a name all of them, the quick ones first."""

from __future__ import annotations

import sys

from bench import detection, nulls, stability, techniques, throughput

TABLES = {
    "techniques": techniques.main,
    "throughput": throughput.main,
    "nulls": nulls.main,
    "detection": detection.main,
    "own": detection.own,
    "stability": stability.main,
}


def main(names: list[str]) -> int:
    """Measure the named tables (none: all). 2 for a name that is none."""
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        sys.stderr.write(f"no table is called {unknown[0]}; there are: {', '.join(TABLES)}\n")
        return 2
    for name in names or TABLES:
        TABLES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
