"""A finished scan's results as claims that responses are planned on."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stillwatch.campaigns.report import Campaign, Report
from stillwatch.errors import InputError
from stillwatch.responses.base import Subject

__all__ = ["read_run", "subjects_of_report", "subjects_of_run"]

_NOT_A_RUN = "name the directory that was given to `stillwatch scan --out`"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def subjects_of_run(
    run_dir: Path, *, names: Mapping[str, str] | None = None, organizations: Mapping[str, str] | None = None
) -> list[Subject]:
    """`subjects_of_report` of the run in ``run_dir``. Raises `InputError` for a folder that holds no run."""
    return read_run(run_dir, names=names, organizations=organizations)[0]


def read_run(
    run_dir: Path, *, names: Mapping[str, str] | None = None, organizations: Mapping[str, str] | None = None
) -> tuple[list[Subject], Report]:
    """The claims of the run in ``run_dir``, and its report; the run's id is made of the report's bytes, so that the
    same run always has the same. Raises `InputError` for a folder that holds no run of this version.
    """
    path = run_dir / "report.json"
    try:
        data = path.read_bytes()
        report = msgspec.json.decode(data, type=Report)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path, _NOT_A_RUN) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"is not a report of this version of Stillwatch ({error})", path, "scan again") from error
    run = f"scan:{hashlib.sha256(data).hexdigest()[:16]}"
    return subjects_of_report(report, run, names=names, organizations=organizations), report


def subjects_of_report(
    report: Report,
    run: str,
    *,
    names: Mapping[str, str] | None = None,
    organizations: Mapping[str, str] | None = None,
) -> list[Subject]:
    """One claim for each account that a scan accuses (level "campaign") or shows to a person ("review"), by account id.

    ``innocent`` is 1 − the calibrated posterior, and never less than the q-value of the account's group: nobody belongs
    to a campaign that is none. The posterior holds given that the group is one operator's. For a group that the scan
    did not confirm that was never measured, so it is 1 there; the less sure members of a group that was accused keep
    theirs. ``since`` is the time of the log's last exchange (0 where it has none). ``names`` maps the scan's campaign
    ids to those that stand (`gateway.learning.identity`), ``organizations`` accounts to their declared organisation. A
    scan that found nothing gives no claim.
    """
    groups = {campaign.campaign_id: campaign for campaign in report.campaigns}
    measured = {_test(campaign) for campaign in report.campaigns if campaign.verdict == "campaign"}
    since = 0 if report.input.last is None else (report.input.last - _EPOCH) // dt.timedelta(microseconds=1)
    subjects = []
    for account in report.accounts:
        group = groups.get(account.campaign_id or "")
        if group is None or account.verdict == "clear":
            continue
        innocent = max(1.0 - account.posterior, group.q_value) if _test(group) in measured else 1.0
        subjects.append(
            Subject(
                account_id=account.account_id,
                campaign_id=(names or {}).get(group.campaign_id, group.campaign_id),
                level="campaign" if account.verdict == "campaign" else "review",
                innocent=min(max(innocent, 0.0), 1.0),
                error_rate=group.error_rate,
                ruled_out=tuple(rival.name for rival in group.rivals if rival.log_odds > 0),
                since=since,
                run=run,
                organization_id=(organizations or {}).get(account.account_id, ""),
            )
        )
    return subjects


def _test(group: Campaign) -> tuple[object, ...]:
    """What a group was put to: its less sure members, shown to a person, share it with those accused."""
    rivals = tuple((rival.name, rival.log_odds) for rival in group.rivals)
    return (group.p_value, group.e_value, group.q_value, rivals)
