"""The scan once more, from the sealed inputs or a log that is given, and its verdicts and figures held against the
dossier's.

Numbers are compared bit for bit; another processor or library may round the last digits otherwise, and agreement to
nine digits is told as that and is no difference. Words are not compared. Keyed hashes of artefacts are compared only
under the scan's salt.
"""

from __future__ import annotations

import math
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from stillwatch import __version__
from stillwatch.campaigns import wording
from stillwatch.campaigns.decided import Decided
from stillwatch.campaigns.judgements import Judgement, read_judgements
from stillwatch.campaigns.report import Account, ArtefactLink, Campaign, Report
from stillwatch.campaigns.ties import MOST
from stillwatch.dossier.building import accused_of
from stillwatch.dossier.checking import Checked, Read
from stillwatch.dossier.choices import GivenLog
from stillwatch.dossier.inputs import SEALED, hashed
from stillwatch.dossier.manifest import sha256_of
from stillwatch.dossier.record import Dossier, InputFile
from stillwatch.dossier.replaying import decided_then, heeded
from stillwatch.errors import InputError, UsageError
from stillwatch.pipeline import scan
from stillwatch.progress import Progress, Silent
from stillwatch.settings import Settings
from stillwatch.sources.customers import read_customers

__all__ = ["rerun", "ties_compared"]

_MOST_TOLD = 40
_SAME = 1e-9
_TABLES = ("accounts.parquet", "campaigns.parquet", "exchanges.parquet")


class _Outcome(NamedTuple):
    """What a re-run comes to."""

    holds: list[str]
    problems: list[str]
    unchecked: list[str]


def rerun(
    folder: Path,
    read: Read,
    *,
    log: GivenLog | None = None,
    archive: Path | None = None,
    salt: Path | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Scan again and compare.

    Args:
        folder: the dossier.
        read: its manifest and record (`stillwatch.dossier.checking.check`).
        log: the log, read as the scan read it; left out: the sealed inputs.
        archive: the tar of sealed inputs, where it is not beside the dossier under its name.
        salt: the scan's salt, to compare keyed hashes too.
        progress: told of each step.

    Returns:
        What came out the same, each verdict or figure that differs with both values, and what could not be compared.

    Raises:
        UsageError: the inputs were not sealed and no log was given.
        InputError: the inputs cannot be read, or the record is spoilt.
    """
    if read.record is None:
        raise InputError("is not as it was made, so there is nothing to compare with", folder / "dossier.json")
    told = _Outcome([], [], [])
    with tempfile.TemporaryDirectory(prefix="stillwatch-dossier-") as scratch:
        given = log if log is not None else _sealed(folder, read, archive, Path(scratch))
        settings = _settings(read.record, given, salt, told)
        if read.record.scan.stillwatch != __version__:
            told.unchecked.append(
                f"the dossier's scan was by Stillwatch {read.record.scan.stillwatch}, and this is {__version__}: "
                f"figures may "
                "differ for that alone"
            )
        out = Path(scratch) / "run"
        out.mkdir()
        with given.open(progress or Silent()) as opened:
            if log is not None:
                _same_files(read, given, opened.files, told)
            report = scan(
                log=opened,
                customers=None if given.accounts is None else read_customers(given.accounts),
                out=out,
                settings=settings,
                progress=progress or Silent(),
                judgements=_judgements(read.record, given),
                decided=_decided(read.record, given, Path(scratch)),
            )
        _compare(read.record, report, told, with_hashes=salt is not None)
        _tables(read, out, told)
    return Checked(tuple(told.holds), tuple(told.problems), tuple(told.unchecked))


def _sealed(folder: Path, read: Read, archive: Path | None, scratch: Path) -> GivenLog:
    """The log from the copies that were sealed."""
    sealed = read.statement.predicate.sealed
    inputs = [file for file in read.statement.predicate.inputs if file.sealed]
    if sealed is None or not inputs:
        raise UsageError("needs the inputs, which were not sealed with this dossier", "--rerun", "give --log")
    if sealed.where == "beside":
        place = archive if archive is not None else folder.parent / Path(sealed.name).name
        if not place.is_file():
            raise InputError("is not there, and holds the sealed inputs", place, "name it with --inputs, or give --log")
        if sha256_of(place) != sealed.sha256:
            raise InputError("was changed since the dossier was made", place, "restore it, or give --log")
        _unpack(place, {file.sealed for file in inputs}, scratch)
    else:
        scratch = folder
    return _given([(file, _within(scratch, file)) for file in inputs], read.statement.predicate.reading)


def _within(folder: Path, file: InputFile) -> Path:
    """Where a sealed input lies. Raises `InputError` for a name that leads elsewhere: the manifest may be a "
    "stranger's."""
    parts = Path(file.sealed).parts
    if len(parts) != 2 or parts[0] != SEALED or parts[1].startswith("."):
        raise InputError("is no name of a sealed input", file.sealed[:200], "do not trust this dossier")
    path = folder / parts[0] / parts[1]
    if path.is_symlink() or not path.is_file():
        raise InputError("is missing", path, "restore it, or give --log")
    return path


def _unpack(archive: Path, wanted: set[str], folder: Path) -> None:
    try:
        with tarfile.open(archive, "r:") as held:
            for entry in held:
                if entry.name in wanted and entry.isfile():
                    held.extract(entry, folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"cannot be unpacked: {error}", archive, "give --log") from error


def _given(files: list[tuple[InputFile, Path]], reading: Mapping[str, str]) -> GivenLog:
    def one(role: str) -> Path | None:
        return next((path for file, path in files if file.role == role), None)

    join = one("join")
    hops = reading.get("trusted_hops")
    return GivenLog(
        locations=tuple(str(path) for file, path in files if file.role == "log"),
        accounts=one("accounts"),
        judgements=one("judgements"),
        decisions=one("decisions"),
        prices=one("prices"),
        map=one("map"),
        format=reading.get("format"),
        join=None if join is None else str(join),
        on=reading.get("on", "request_id"),
        networks=tuple(path for file, path in files if file.role == "networks"),
        trusted_hops=int(hops) if hops is not None and hops.isdecimal() else None,
    )


def _judgements(record: Dossier, given: GivenLog) -> Sequence[Judgement] | None:
    """People's judgements as the scan was given them: decisions alone come with none, which is not nothing."""
    if given.judgements is not None:
        return read_judgements(given.judgements)
    return None if record.scan.judged is None else ()


def _decided(record: Dossier, given: GivenLog, scratch: Path) -> Decided | None:
    """People's decisions as they stood when the scan heeded them; None: it heeded none, or they are not at hand."""
    if given.decisions is None or not heeded(record.scan.notes):
        return None
    return decided_then(given.decisions, record.scan.notes, scratch)


def _settings(record: Dossier, given: GivenLog, salt: Path | None, told: _Outcome) -> Settings:
    """The settings of the scan, as far as they move a figure."""
    was = record.scan.settings
    if was.get("price_table", "None") != "None" and given.prices is None:
        told.unchecked.append(
            f"money: the scan valued it by the table {was['price_table']}; give it with --price-table"
        )
    if heeded(record.scan.notes):
        if given.decisions is None:
            told.unchecked.append(
                "what people decided: the scan heeded decisions that are not among the inputs; give --decisions"
            )
    elif record.scan.judged is not None and record.scan.judged.accounts and given.judgements is None:
        told.unchecked.append(
            "what people judged: the scan heeded judgements that are not among the inputs; give --judgements"
        )
    try:
        firm = None if was.get("firm", "None") == "None" else float(was["firm"])
        rate, seed = float(was["false_discovery"]), record.scan.seed
    except (KeyError, ValueError) as error:
        raise InputError("has settings that cannot be read", "dossier.json", "scan by hand") from error
    return Settings(seed=seed, false_discovery=rate, firm=firm, price_table=given.prices, salt=salt)


def _same_files(read: Read, given: GivenLog, files: tuple[Path | str, ...], told: _Outcome) -> None:
    """Whether the log that was given is the one that was scanned."""
    wanted = {(file.bytes, file.blake2b): file.name for file in read.statement.predicate.inputs if file.role == "log"}
    seen = set()
    for file in files:
        if not isinstance(file, Path):
            continue
        found = hashed(file)
        seen.add((found.bytes, found.blake2b))
        if (found.bytes, found.blake2b) not in wanted:
            told.problems.append(
                f"input {wording.visible(file.name, limit=120)} is no file that was scanned, or was changed"
            )
    missing = [name for key, name in wanted.items() if key not in seen and key[1]]
    told.problems.extend(f"input {name} was scanned and is not among those given" for name in missing[:_MOST_TOLD])
    beside = {file.sha256 for file in read.statement.predicate.inputs if file.role == "accounts"}
    if given.accounts is not None and beside and hashed(given.accounts).sha256 not in beside:
        told.problems.append("the table of accounts is not the one that was scanned with")
    if not told.problems:
        told.holds.append("the inputs are those that were scanned, byte for byte")


def _compare(record: Dossier, report: Report, told: _Outcome, *, with_hashes: bool) -> None:
    """Every verdict and figure of the dossier against the new report."""
    campaign = _same_campaign(record.campaign, report)
    if campaign is None:
        told.problems.append("no group of the re-run has any of the campaign's accounts")
        return
    again = _figures(report, campaign, accused_of(report.accounts, campaign.campaign_id), with_hashes)
    was = _figures(record.scan, record.campaign, record.accounts, with_hashes)
    if not with_hashes and record.campaign.artefacts:
        told.unchecked.append(
            "the keyed hashes of artefacts, and which of many equally strong ones are listed: they need the scan's "
            "salt (--salt)"
        )
    count = _count(was)
    different: list[str] = []
    rounded = 0
    for line in _differences(was, again, ""):
        if line:
            different.append(line)
        else:
            rounded += 1
    told.problems.extend(different[:_MOST_TOLD])
    if len(different) > _MOST_TOLD:
        told.problems.append(f"and {len(different) - _MOST_TOLD:,} more verdicts or figures differ")
    if not different:
        how = "bit for bit" if not rounded else f"{rounded:,} of them to nine digits, the others bit for bit"
        told.holds.append(f"all {count:,} verdicts and figures come out the same, {how}")


def _same_campaign(was: Campaign, report: Report) -> Campaign | None:
    """The group of the new report with the most of the campaign's accounts; of equals the one with its id."""
    members = frozenset(was.members)
    ranked = sorted(
        ((len(members & frozenset(c.members)), c.campaign_id == was.campaign_id, c) for c in report.campaigns),
        key=lambda each: each[:2],
        reverse=True,
    )
    return ranked[0][2] if ranked and ranked[0][0] else None


def _figures(scan: Any, campaign: Campaign, accounts: tuple[Account, ...], with_hashes: bool) -> dict[str, Any]:
    """What is compared, by name; ``scan`` is a report or the record of one."""
    plain: dict[str, Any] = msgspec.to_builtins(campaign)
    for name in ("aims", "story", "samples", "members", "error_rate", "currency"):
        plain.pop(name, None)
    plain["evidence"] = {item.name: item.log_odds for item in campaign.evidence}
    plain["rivals"] = {item.name: item.log_odds for item in campaign.rivals}
    plain["timeline"] = {day.date.isoformat(): msgspec.to_builtins(day) for day in campaign.timeline}
    plain["artefacts"] = ties_compared(campaign.artefacts, with_hashes=with_hashes)
    read = scan.input
    judged = None if scan.judged in (None, UNSET) else msgspec.to_builtins(scan.judged)
    return {
        "log": {"exchanges": read.exchanges, "sessions": read.sessions, "accounts": read.accounts,
                "first": str(read.first), "last": str(read.last)},
        "groups looked at": scan.candidates,
        "campaign": plain,
        "accounts": {account.account_id: _account(account) for account in accounts},
        "look-alikes": {kind.name: msgspec.to_builtins(kind) for kind in scan.look_alikes},
        "judged": judged,
    }  # fmt: skip


def ties_compared(links: Sequence[ArtefactLink], *, with_hashes: bool) -> list[list[Any]]:
    """What is compared of the artefacts that tie accounts: kind, accounts, how many outsiders, and the keyed hash.

    A scan lists at most `MOST` of a kind, the strongest first, and of equally strong ones those whose hash comes first.
    Under another salt others of them are listed: then, of a full list, those as weak as its weakest are only counted.
    """
    if with_hashes:
        return sorted([link.kind, list(link.accounts), link.outsiders, link.artefact] for link in links)
    found: list[list[Any]] = []
    for kind in sorted({link.kind for link in links}):
        some = [(len(link.accounts) ** 2 / (len(link.accounts) + link.outsiders), link) for link in links
                if link.kind == kind]  # fmt: skip
        weakest = min(strength for strength, _ in some) if len(some) >= MOST else -math.inf
        kept = [[kind, list(link.accounts), link.outsiders] for strength, link in some if strength > weakest]
        found += sorted(kept)
        found.append([kind, "as strong as the weakest", len(some) - len(kept)])
    return found


def _account(account: Account) -> dict[str, Any]:
    return {
        "verdict": account.verdict, "q_value": account.q_value, "posterior": account.posterior,
        "exchanges": account.exchanges, "taken": account.taken,
        "first_seen": account.first_seen.isoformat(), "last_seen": account.last_seen.isoformat(),
        "evidence": {item.name: item.log_odds for item in account.evidence},
        "nearest_rival": None if account.nearest_rival is None else account.nearest_rival.log_odds,
    }  # fmt: skip


def _differences(was: Any, again: Any, where: str) -> Iterator[str]:
    """A line for every difference; "" for a number that agrees to nine digits and no further."""
    if isinstance(was, dict) and isinstance(again, dict):
        for name in sorted(was.keys() | again.keys()):
            place = f"{where}.{wording.visible(name, limit=80)}" if where else name
            if name not in was:
                yield f"{place} comes out and was not there"
            elif name not in again:
                yield f"{place} does not come out any more"
            else:
                yield from _differences(was[name], again[name], place)
    elif isinstance(was, list) and isinstance(again, list):
        if len(was) != len(again):
            yield f"{where} has {len(was):,} entries, and comes out with {len(again):,}"
        for place, (one, other) in enumerate(zip(was, again, strict=False)):
            yield from _differences(one, other, f"{where}[{place}]")
    elif was != again:
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (was, again))
        if numbers and math.isclose(was, again, rel_tol=_SAME, abs_tol=1e-12):
            yield ""
        else:
            yield f"{where} is {_said(was)}, and comes out as {_said(again)}"


def _said(value: Any) -> str:
    return wording.visible(str(value), limit=80) if isinstance(value, str) else repr(value)[:80]


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_count(each) for each in value.values())
    if isinstance(value, list):
        return sum(_count(each) for each in value)
    return 1


def _tables(read: Read, out: Path, told: _Outcome) -> None:
    """The tables of the run hold the figures of every other account too, of which the dossier has only the hashes."""
    was = {file.name: file.sha256 for file in read.statement.predicate.inputs if file.role == "run"}
    same = [name for name in _TABLES if was.get(name) == sha256_of(out / name)]
    other = [name for name in _TABLES if name in was and name not in same]
    if same:
        told.holds.append(f"{', '.join(same)} of the run come out byte for byte the same, with every other account")
    if other and not told.problems:
        told.unchecked.append(
            f"{', '.join(other)} of the run come out as other bytes: another account's figure, or a library's version"
        )
