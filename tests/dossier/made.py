"""A run over a made log, as a scan leaves one: with its manifest, so that a dossier can be made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from stillwatch.dossier.choices import Choices, GivenLog
from stillwatch.settings import Settings
from stillwatch.storage.manifest import write_manifest
from tests.sharing import made_runs
from tests.sharing.made_runs import Naming, plain

CAMPAIGN = "C1"


class Scanned(NamedTuple):
    """A run with the log and the table of accounts that it is of."""

    run: Path
    log: GivenLog


def scanned(folder: Path, name: Naming = plain, rows: list[dict[str, Any]] | None = None) -> Scanned:
    """The log, the accounts and the run, in ``folder``."""
    made = made_runs.write(folder, name, rows)
    write_manifest(made.run, Settings(), [made.log_file], {"read": 0.1})
    return Scanned(made.run, GivenLog(locations=(str(made.log_file),), accounts=made.customers_file))


def choices(log: GivenLog | None = None, **changes: Any) -> Choices:
    """Choices without the paper, which takes its second, unless asked for."""
    return Choices(**({"log": log, "paper": False} | changes))
