"""What a dossier is made from, read with distrust: a run that is as its scan wrote it, and what stands beside it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from stillwatch.campaigns.report import Campaign, Report
from stillwatch.dossier.inputs import Held, hashed, held_files
from stillwatch.dossier.record import Role
from stillwatch.drill.report import DrillReport
from stillwatch.errors import InputError, UsageError
from stillwatch.progress import Progress
from stillwatch.proving.report import ProofReport
from stillwatch.safety_audit.report import AuditReport
from stillwatch.sharing.run import read_report
from stillwatch.storage.manifest import Manifest, read_manifest
from stillwatch.storage.run import MANIFEST

__all__ = ["Material", "read_audit", "read_drill", "read_proof", "read_run"]

REPORT = "report.json"
T = TypeVar("T")


class Material(NamedTuple):
    """A run: its manifest, its report, the campaign that the dossier is on, and its files with their hashes."""

    folder: Path
    manifest: Manifest
    report: Report
    campaign: Campaign
    files: list[Held]


def read_run(folder: Path, campaign_id: str, progress: Progress) -> Material:
    """Read a run that accuses ``campaign_id``.

    Raises `InputError` for a folder that is no run, or whose files are not as its manifest says; `UsageError` for a
    campaign that is not there, or only under review: that is no accusation, and no dossier is made on it.
    """
    manifest = read_manifest(folder)
    progress.step("checking the run", len(manifest.outputs))
    for output in manifest.outputs:
        path = folder / output.name
        if not path.is_file():
            raise InputError("is missing, so the run is no longer whole", path, "scan again")
        if hashed(path).blake2b != output.blake2b:
            raise InputError("was changed since the scan wrote it", path, "scan again, or restore the run")
        progress.advance()
    report = read_report(folder / REPORT)
    campaign = _campaign(report, campaign_id, folder)
    held = held_files("run", [folder / MANIFEST, *(folder / output.name for output in manifest.outputs)])
    return Material(folder, manifest, report, campaign, held)


def _campaign(report: Report, campaign_id: str, folder: Path) -> Campaign:
    for campaign in report.campaigns:
        if campaign.campaign_id == campaign_id:
            if campaign.verdict != "campaign":
                raise UsageError(
                    f"{campaign_id} is under review, which is no accusation", folder, "no dossier is made on it"
                )
            return campaign
    known = [campaign.campaign_id for campaign in report.campaigns if campaign.verdict == "campaign"]
    do = f"its campaigns: {', '.join(known[:20])}" if known else "it accuses nobody"
    raise UsageError(f"has no campaign {campaign_id!r}", folder, do)


def read_drill(folder: Path) -> tuple[DrillReport, list[Held]]:
    """A drill's report and its file. Raises `InputError`."""
    return _read("drill", folder, "drill.json", DrillReport, "stillwatch drill")


def read_proof(folder: Path) -> tuple[ProofReport, list[Held]]:
    """A proof's report, and all files of its folder. Raises `InputError`."""
    report, _ = _read("proof", folder, "prove.json", ProofReport, "stillwatch prove")
    return report, held_files("proof", (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")))


def read_audit(folder: Path) -> tuple[AuditReport, list[Held]]:
    """An audit's report and its file. Raises `InputError`."""
    return _read("audit", folder, "audit.json", AuditReport, "stillwatch audit")


def _read(role: Role, folder: Path, name: str, kind: type[T], made_by: str) -> tuple[T, list[Held]]:
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", path, f"name what `{made_by}` wrote with --out"
        ) from error
    try:
        report = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is not of this version of Stillwatch ({error})", path, "make it again") from error
    return report, held_files(role, [path])
