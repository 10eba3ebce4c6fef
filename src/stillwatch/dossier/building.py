"""Material and choices made into a `Dossier`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, get_args

import msgspec
from msgspec import UNSET

from stillwatch import __version__
from stillwatch.campaigns import wording
from stillwatch.campaigns.report import Account, Campaign, Input, Reject
from stillwatch.dossier.choices import Choices
from stillwatch.dossier.material import Material
from stillwatch.dossier.measured import performance_of
from stillwatch.dossier.record import VERSION, Atlas, Backing, Decided, Dossier, Exhibit, InputFile, Scan
from stillwatch.dossier.software import software
from stillwatch.drill.report import DrillReport
from stillwatch.proving.report import ProofReport
from stillwatch.safety_audit.report import AuditReport
from stillwatch.sharing import atlas
from stillwatch.sharing.bulletin import TechniqueName

__all__ = ["Beside", "build"]

_RARE = 0.05
"""Share of what was taken below which a technique of the scan names none of ATLAS's."""


class Beside(NamedTuple):
    """What else was given, read."""

    drill: DrillReport | None = None
    proof: ProofReport | None = None
    audit: AuditReport | None = None
    decided: tuple[Decided, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    exhibits_note: str = ""


def build(material: Material, beside: Beside, inputs: Sequence[InputFile], choices: Choices) -> Dossier:
    """The dossier. The same material and choices give the same, on the same software."""
    report = material.report
    dated = (choices.at or material.manifest.made_at).astimezone(dt.UTC).replace(microsecond=0)
    return Dossier(
        version=VERSION,
        stillwatch=__version__,
        dated=dated,
        by=wording.visible(choices.by.strip(), limit=200) if choices.by.strip() else "",
        scan=_scan(material),
        campaign=msgspec.structs.replace(material.campaign, samples=()),
        accounts=accused_of(report.accounts, material.campaign.campaign_id),
        atlas=atlas_of(material.campaign),
        performance=performance_of(beside.drill, report.input.exchanges, report.input.accounts),
        backing=_backing(beside),
        decided=beside.decided,
        exhibits=beside.exhibits,
        exhibits_note=beside.exhibits_note,
        inputs=tuple(inputs),
        software=software(),
        most_accounts=choices.most_accounts,
    )


def _scan(material: Material) -> Scan:
    report = material.report
    return Scan(
        made_at=material.manifest.made_at,
        stillwatch=material.manifest.stillwatch,
        seed=report.seed,
        settings=portable_settings(report.settings),
        input=portable_input(report.input),
        error_rate=report.error_rate,
        candidates=report.candidates,
        look_alikes=report.look_alikes,
        notes=report.notes,
        judged=None if report.judged is UNSET else report.judged,
    )


def portable_settings(settings: dict[str, str]) -> dict[str, str]:
    """Settings without places of the machine: a salt is told as given or not, a price table by its name."""
    kept = dict(settings)
    if "salt" in kept:
        kept["salt"] = "None" if kept["salt"] == "None" else "given"
    if kept.get("price_table", "None") != "None":
        kept["price_table"] = wording.visible(kept["price_table"].replace("\\", "/").rpartition("/")[2], limit=120)
    return kept


def portable_input(read: Input) -> Input:
    """What was read, with places in files told without their folders."""
    rejected = tuple(Reject(each.reason, each.count, each.first.rpartition("/")[2]) for each in read.rejected)
    return msgspec.structs.replace(read, rejected=rejected)


def accused_of(accounts: Sequence[Account], campaign_id: str) -> tuple[Account, ...]:
    """The accounts that are accused of being one of a campaign, in the order of their ids."""
    mine = (each for each in accounts if each.campaign_id == campaign_id and each.verdict == "campaign")
    return tuple(sorted(mine, key=lambda account: account.account_id))


def atlas_of(campaign: Campaign) -> tuple[Atlas, ...]:
    """Techniques of MITRE ATLAS: those of every campaign, and those that its own techniques stand for."""
    always = atlas.techniques_of(())
    told = [Atlas(entry.id, entry.name) for entry in always]
    total = sum(campaign.techniques.values())
    known: tuple[TechniqueName, ...] = get_args(TechniqueName)
    for name in known:
        if total <= 0 or campaign.techniques.get(name, 0.0) < _RARE * total:
            continue
        told += [Atlas(entry.id, entry.name, name) for entry in atlas.techniques_of((name,)) if entry not in always]
    return tuple(told)


def _backing(beside: Beside) -> tuple[Backing, ...]:
    found = []
    if beside.proof is not None:
        proof = beside.proof
        points = tuple(
            wording.visible(f"{part.heading}: {' '.join((part.said, *part.points))}", limit=1_200)
            for part in proof.statement
        )
        title = "Whether a model was trained on what was taken"
        found.append(Backing("proof", title, (wording.visible(proof.headline, limit=600),), points))
    if beside.audit is not None:
        audit = beside.audit
        title = "What restraint a suspect model lost"
        said = (wording.visible(audit.statement, limit=2_000),)
        found.append(Backing("audit", title, said, tuple(wording.visible(each, limit=600) for each in audit.caveats)))
    return tuple(found)
