"""Many keys: which of all that were committed to is it, and that it is no other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from stillwatch.calibration import holm
from stillwatch.marks.base import MarkKey
from stillwatch.proving.evidence import Evidence

__all__ = ["among_keys"]


def among_keys(found: Sequence[tuple[MarkKey, Evidence]], committed: int, level: float = 1e-3) -> Evidence:
    """One piece of evidence from the same test under each of several keys, corrected for their number (Holm 1979).

    Args:
        found: each key with the evidence that a test gave for it, of the same suspect.
        committed: how many keys were committed to: those that were not tested count as tested in vain.
        level: at which a key counts as found; the chance that any key is found wrongly is at most that.

    Returns:
        Evidence of the key with the least p-value, corrected. ``numbers["found"]`` names all keys that are found,
        ``numbers["keys"]`` has (id, p-value, corrected) of each, least first.

    Raises:
        ValueError: no key, fewer committed than tested, one key twice, evidence without a p-value or of unlike tests.
    """
    p_values = [evidence.p_value for _, evidence in found]
    ids = [key.id for key, _ in found]
    if not found or None in p_values or len({evidence.test for _, evidence in found}) > 1:
        raise ValueError("need p-values of one test under at least one key")
    if len(set(ids)) < len(ids):
        raise ValueError("a key is tested twice")
    corrected = holm(np.asarray(p_values, dtype=np.float64), committed)
    order = np.lexsort((np.asarray(p_values, dtype=np.float64), corrected))
    rows = [[ids[i], p_values[i], float(corrected[i])] for i in order]
    named = [row[0] for row in rows if row[2] <= level]
    best = found[int(order[0])][1]
    say = "none is found" if not named else "found is no other" if len(named) == 1 else f"{len(named)} are found"
    return msgspec.structs.replace(
        best,
        test=f"{best.test}, {committed} keys",
        null="What the suspect says depends on none of the keys: it would have been the same, had others been drawn.",
        p_value=rows[0][2],
        numbers=best.numbers | {"keys": rows, "found": named, "level": level, "committed": committed},
        caveats=(
            f"Corrected for the {committed} keys that were committed to (Holm); at {level:g} {say}.",
            *best.caveats,
        ),
    )
