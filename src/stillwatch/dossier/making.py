"""The way of a dossier on one page: read, look into the log, say, lay out, hash, sign, and all of it appears at once.

`make` is for the command line and for the console alike.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stillwatch.campaigns.wording import visible
from stillwatch.dossier.building import Beside, build, portable_settings
from stillwatch.dossier.choices import Choices
from stillwatch.dossier.exhibits import exhibits_of
from stillwatch.dossier.inputs import Held, beside_the_log, log_inputs, numbered, seal_beside, seal_inside
from stillwatch.dossier.manifest import (
    ENVELOPE,
    MANIFEST,
    PUBLIC,
    REQUEST,
    SUMS,
    Archive,
    Predicate,
    files_in,
    sha256_of,
    statement_of,
    sums_of,
)
from stillwatch.dossier.material import Material, read_audit, read_drill, read_proof, read_run
from stillwatch.dossier.page import render_page
from stillwatch.dossier.paper import Paper, make_paper
from stillwatch.dossier.people import read_decided
from stillwatch.dossier.record import VERSION, Decided, Dossier
from stillwatch.dossier.replaying import heeded
from stillwatch.dossier.tables import accounts_csv
from stillwatch.drill.report import DrillReport
from stillwatch.errors import PluginError, UsageError
from stillwatch.progress import Progress, Silent
from stillwatch.proving.report import ProofReport
from stillwatch.registry import load
from stillwatch.safety_audit.report import AuditReport
from stillwatch.sources.log import Log
from stillwatch.storage.disk import disk_errors
from stillwatch.storage.run import new_run

__all__ = ["ACCOUNTS", "PAGE", "PAPER", "RECORD", "Made", "make"]

PAGE, PAPER, RECORD, ACCOUNTS = "dossier.html", "dossier.pdf", "dossier.json", "accounts.csv"
LARGEST_ATTACHED = 16 * 2**20
"""Bytes of a file that goes into the paper too."""


class Made(NamedTuple):
    """What was made: the folder, its files, the dossier, the SHA-256 of its manifest, the id of the key that signed "
    "("")
    and the archive of inputs beside it (None)."""

    folder: Path
    files: tuple[str, ...]
    dossier: Dossier
    digest: str
    signed_by: str
    archive: Path | None


def make(run: Path, campaign: str, out: Path, choices: Choices, progress: Progress | None = None) -> Made:
    """Make a dossier on ``campaign`` of the run in the folder ``run``, as the folder ``out``.

    The same inputs, choices and software give the same bytes, but for a request of a timestamp, which holds a random
    number. The folder is there whole or not at all.

    Raises:
        UsageError: ``out`` is taken, the run has no such campaign, or it is only under review.
        InputError: something that was given cannot be read, is not as its manifest says, or is not what was scanned.
        PluginError: a library is missing.
        StorageError: the disk is full or refuses.
    """
    progress = progress or Silent()
    _free(out, choices)
    signer = None if choices.sign is None else _extra("stillwatch.dossier.keys:read_signer")(choices.sign)
    ask = _extra("stillwatch.marks.timestamps:request") if choices.stamp_request else None
    material = read_run(run, campaign, progress)
    with _opened(choices, progress) as log:
        logged = log_inputs(material.manifest, None if log is None else log.files, progress)
        beside, given = _beside(material, log, choices, progress)
    scanned = [*logged, *beside_the_log(choices.log)]
    if choices.seal != "none":
        if heeded(material.report.notes):  # a re-run needs what people had decided, too
            scanned += [held for held in given if held.file.role == "decisions"]
            given = [held for held in given if held.file.role != "decisions"]
        scanned = numbered(scanned)
    inputs = [held.file for held in (*scanned, *material.files, *given)]
    progress.step("writing the dossier")
    dossier = build(material, beside, inputs, choices)
    record = msgspec.json.decode(msgspec.json.encode(dossier))
    said = {
        RECORD: json.dumps(record, ensure_ascii=True, indent=1).encode("ascii") + b"\n",
        ACCOUNTS: accounts_csv(dossier),
        PAGE: render_page(dossier).encode("utf-8"),
    }
    paper = None
    if choices.paper:
        progress.step("laying out the paper")
        attached = {name: said[name] for name in (RECORD, ACCOUNTS) if len(said[name]) <= LARGEST_ATTACHED}
        paper = make_paper(said[PAGE].decode("utf-8"), dossier.dated, attached)
        said[PAPER] = paper.data
    if signer is not None:
        said[PUBLIC] = signer.public
    archive = out.parent / f"{out.name}{_TAR}" if choices.seal == "beside" else None
    with new_run(out) as staging, disk_errors(out):
        for name, data in said.items():
            (staging / name).write_bytes(data)
        sealed = _seal(scanned, staging, choices, out, progress)
        progress.step("signing")
        signed_by = "" if signer is None else signer.id
        predicate = _predicate(material, beside, dossier, choices, paper, sealed, signed_by)
        digest = _close(staging, predicate, signer, ask)
        if archive is not None:
            os.replace(staging / _TAR, archive)
    return Made(out, tuple(sorted(files_in(out)[0])), dossier, digest, signed_by, archive)


def _close(staging: Path, predicate: Predicate, signer: Any, ask: Any) -> str:
    """Hash all that lies in ``staging``, and write the manifest and what follows from it. Returns its SHA-256."""
    files = {name: sha256_of(path) for name, path in files_in(staging)[0].items() if not name.startswith(".")}
    manifest = statement_of(files, predicate)
    after = {MANIFEST: manifest}
    if signer is not None:
        after[ENVELOPE] = _extra("stillwatch.dossier.envelope:seal")(manifest, signer)
    if ask is not None:
        after[REQUEST] = ask(after.get(ENVELOPE, manifest))
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in after.items()}
    for name, data in (*after.items(), (SUMS, sums_of(files | hashes))):
        (staging / name).write_bytes(data)
    return hashes[MANIFEST]


_TAR = ".inputs.tar"


def _free(out: Path, choices: Choices) -> None:
    """Raises `UsageError` for a place that holds anything: no dossier is ever written over."""
    if out.exists() and not out.is_dir():
        raise UsageError("is a file", out, "name a folder that is empty or not there")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError("holds files already, and no dossier is written over", out, "name another folder")
    tar = out.parent / f"{out.name}{_TAR}"
    if choices.seal == "beside" and tar.exists():
        raise UsageError("exists already", tar, "name another folder")


def _extra(target: str) -> Any:
    try:
        return load(target)
    except PluginError as error:
        raise PluginError(error.what, "dossier", "pip install 'stillwatch[dossier]'") from error


@contextmanager
def _opened(choices: Choices, progress: Progress) -> Iterator[Log | None]:
    with choices.log.open(progress) if choices.log is not None else nullcontext() as log:
        yield log


def _beside(material: Material, log: Log | None, choices: Choices, progress: Progress) -> tuple[Beside, list[Held]]:
    """What was given beside the run, read, and its files."""
    held: list[Held] = []
    drill: DrillReport | None = None
    proof: ProofReport | None = None
    audit: AuditReport | None = None
    decided: tuple[Decided, ...] = ()
    if choices.drill is not None:
        drill, files = read_drill(choices.drill)
        held += files
    if choices.proof is not None:
        proof, files = read_proof(choices.proof)
        held += files
    if choices.audit is not None:
        audit, files = read_audit(choices.audit)
        held += files
    if choices.decisions is not None:
        decided, files = read_decided(choices.decisions, material.campaign)
        held += files
    exhibits, note = exhibits_of(material, log, choices, progress)
    return Beside(drill, proof, audit, decided, exhibits, note), held


def _seal(scanned: list[Held], staging: Path, choices: Choices, out: Path, progress: Progress) -> Archive | None:
    if choices.seal == "none":
        return None
    if choices.seal == "inside":
        seal_inside(scanned, staging, progress)
        return Archive("inside")
    seal_beside(scanned, staging / _TAR, progress)
    return Archive("beside", visible(f"{out.name}{_TAR}", limit=300), sha256_of(staging / _TAR))


def _predicate(
    material: Material,
    beside: Beside,
    dossier: Dossier,
    choices: Choices,
    paper: Paper | None,
    sealed: Archive | None,
    signed_by: str,
) -> Predicate:
    report = material.report
    seeds = {"scan": report.seed}
    seeds |= {} if beside.drill is None else {"drill": beside.drill.seed}
    seeds |= {} if beside.audit is None else {"audit": beside.audit.seed}
    reading = {} if choices.log is None else choices.log.reading()
    return Predicate(
        version=VERSION,
        campaign=material.campaign.campaign_id,
        dated=dossier.dated,
        by=dossier.by,
        seeds=seeds,
        settings=portable_settings(report.settings),
        reading={name: visible(value) for name, value in reading.items()},
        choices={
            "exhibits": choices.exhibits,
            "most_exhibits": str(choices.most_exhibits),
            "reason": visible(choices.reason, limit=1_000) if choices.reason else "",
            "most_accounts": str(choices.most_accounts),
            "seal": choices.seal,
        },
        inputs=dossier.inputs,
        sealed=sealed,
        software=dossier.software,
        paper={} if paper is None else paper.made_with | {"fonts": ", ".join(paper.fonts)},
        signed_by=signed_by,
    )
