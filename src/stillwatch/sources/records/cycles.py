"""Python's collector of cycles, which has nothing to find in what a log holds."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["no_cycles_sought"]


@contextlib.contextmanager
def no_cycles_sought() -> Iterator[None]:
    """Without the collector, for as long as one batch takes.

    Values that were decoded refer to nothing that refers to them, and there are hundreds of thousands of them: looking
    through all of them again and again took a tenth of the time. What is left in cycles inside is collected after.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
