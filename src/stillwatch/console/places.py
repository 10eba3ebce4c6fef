"""Where everything lies that the console reads and keeps, as its command line says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import InputError, UsageError
from stillwatch.storage.run import is_run

__all__ = ["MOST_DOSSIERS", "Places"]

MOST_DOSSIERS = 20
"""Dossiers that are kept; the oldest goes when another is begun."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Folders by what they hold. ``run`` is a scan's results; where it is None, the newest run below ``state``, a
    gateway's folder, is shown. What the console keeps itself lies in ``people`` and ``decisions``. ``before`` is an
    older run of the same provider to compare with; a gateway's is compared with the one of the night before. ``log`` is
    what was scanned, from which a dossier takes its exhibits. A proposed suspension waits
    ``proposal_hours`` for a second person."""

    run: Path | None = None
    state: Path | None = None
    people: Path
    decisions: Path
    appeals: Path | None = None
    drill: Path | None = None
    before: Path | None = None
    log: tuple[str, ...] = ()
    proposal_hours: float = 72.0

    @classmethod
    def of(
        cls,
        run: Path | None,
        state: Path | None,
        *,
        people: Path | None = None,
        decisions: Path | None = None,
        appeals: Path | None = None,
        drill: Path | None = None,
        before: Path | None = None,
        log: tuple[str, ...] = (),
        proposal_hours: float = 72.0,
    ) -> Places:
        """The places that a user names, and where those lie that he does not name: beside the run (``RUN.console``), or
        in the gateway's folder (``STATE/console``). Raises `UsageError` where neither or no such folder is named."""
        if (run is None) == (state is None):
            raise UsageError("shows one run or one gateway's folder", "console", "give --run or --state")
        if run is not None and not is_run(run):
            raise UsageError("is no run of Stillwatch", run, "name the directory that was given to scan --out")
        if before is not None and not is_run(before):
            raise UsageError("is no run of Stillwatch", before, "name another with --before")
        if state is not None and not state.is_dir():
            raise UsageError("is no gateway's folder", state, "name the one that was given to --state")
        for folder, option in ((appeals, "--appeals"), (drill, "--drill")):
            if folder is not None and not folder.is_dir():
                raise UsageError("is no folder", folder, f"name another with {option}")
        if not 0 < proposal_hours <= 24 * 365:
            raise UsageError("is no time to wait for a second person", "--proposal-hours", "give hours, up to a year")
        whole = (state or Path()) if run is None else run.resolve()
        own = whole / "console" if run is None else whole.with_name(f"{whole.name}.console")
        if appeals is None and state is not None and (state / "appeals").is_dir():
            appeals = state / "appeals"
        return cls(
            run=run,
            state=state,
            people=people or own,
            decisions=decisions or own / "decisions",
            appeals=appeals,
            drill=drill,
            before=before,
            log=log,
            proposal_hours=proposal_hours,
        )

    def newest_run(self) -> Path:
        """The run to show. Raises `InputError` where a gateway has made none yet."""
        if self.run is not None:
            return self.run
        runs = (self.state or Path()) / "runs"
        found = sorted(path for path in runs.iterdir() if is_run(path)) if runs.is_dir() else []
        if not found:
            raise InputError("holds no run yet", runs, "wait for the gateway's next scan, or give --run")
        return found[-1]
