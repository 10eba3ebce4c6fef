"""``python -m bench [TABLE ...]``: the tables that the README quotes; all of them takes about half an hour."""

from __future__ import annotations

import sys

from bench import detection, nulls, overlap, techniques

DETECTION = ("throughput", "detection", "variants", "simulated", "stability")


def main(names: list[str]) -> None:
    """Print the tables named, or all."""
    known = (*DETECTION, "techniques", "nulls", "overlap")
    for name in names or known:
        if name in DETECTION:
            detection.main([name])
        elif name == "techniques":
            techniques.main()
        elif name == "nulls":
            nulls.main()
        elif name == "overlap":
            overlap.main()
        else:
            raise SystemExit(f"no table {name!r}; known are {', '.join(known)}")


if __name__ == "__main__":
    main(sys.argv[1:])
