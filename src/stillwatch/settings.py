"""The settings of a run, declared once: the command line, the docs and the run's manifest read `SETTINGS`.

A new setting is one field of `Settings`. What a setting does belongs to whoever reads it; a setting that nobody
reads does not belong here.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from stillwatch.errors import UsageError

__all__ = ["SETTINGS", "Setting", "Settings"]


class Setting(NamedTuple):
    """One setting: its name, default, type (as written in the source) and a sentence of help."""

    name: str
    default: object
    type: str
    help: str

    @property
    def option(self) -> str:
        """The setting's option on the command line."""
        return "--" + self.name.replace("_", "-")


def _setting(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one run. Raises `UsageError` for a value out of range."""

    seed: int = _setting(0, "Seed of what is drawn: the sessions that the search sees, and permutations.")
    false_discovery: float = _setting(0.01, "At most this share of the accused accounts may be innocent.")
    firm: float | None = _setting(
        None,
        "Nats from which a group stands firmly enough to be accused (8.5); `stillwatch drill --recommend` names one.",
    )
    with_text: bool = _setting(False, "Show prompts and answers of the log in the report (off: no text leaves it).")
    price_table: Path | None = _setting(None, "TOML file with prices per million tokens, to value what was taken.")
    salt: Path | None = _setting(None, "File with the key of the hashes; made, readable by you only, where missing.")
    memory_mb: int = _setting(1200, "Memory in MiB that the query engine may use.")
    threads: int = _setting(2, "Threads that the query engine may use.")
    retention_days: int = _setting(90, "Days after which the run should be deleted; written into its manifest.")

    def __post_init__(self) -> None:
        if not 0 < self.false_discovery < 1:
            raise UsageError(f"{self.false_discovery} is no rate", "--false-discovery", "give a number between 0 and 1")
        if self.firm is not None and not 0 <= self.firm <= 100:
            raise UsageError(f"{self.firm} is out of range", "--firm", "give nats from 0 to 100")
        for name, low in (("seed", 0), ("memory_mb", 64), ("threads", 1), ("retention_days", 1)):
            if getattr(self, name) < low:
                raise UsageError(
                    f"{getattr(self, name)} is too small", f"--{name.replace('_', '-')}", f"give at least {low}"
                )

    def as_text(self) -> dict[str, str]:
        """Every setting as text, in the order of `SETTINGS`: for the manifest and the report."""
        return {s.name: str(getattr(self, s.name)) for s in SETTINGS}


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(f.name, f.default, str(f.type), f.metadata["help"]) for f in dataclasses.fields(Settings)
)
