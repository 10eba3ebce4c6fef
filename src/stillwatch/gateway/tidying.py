"""``python -m stillwatch.gateway.tidying JOURNAL NOW TEXT_HOURS DAYS``: forget what the journal holds too long.

A process of its own, at low priority: it reads and writes whole hours, and no request is to wait for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stillwatch.gateway.journal import tidy

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Tidy the journal in the folder and as of the time (microseconds) that ``arguments`` name."""
    folder, now, text_hours, days = arguments
    os.nice(10)
    tidy(Path(folder), int(now), text_hours=float(text_hours), days=float(days))


if __name__ == "__main__":
    main(sys.argv[1:])
