"""A run that is opened says what its report says, and one that cannot be read says why in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stillwatch.campaigns.report import ArtefactLink
from stillwatch.console.reading import Run, open_run
from stillwatch.console.reading.addresses import account_path, named
from stillwatch.errors import InputError, StillwatchError
from tests.campaigns import made_reports
from tests.console.reading.made_runs import written


def test_groups_stand_in_the_order_of_damage_with_those_under_review_last(ordinary: Run) -> None:
    assert [(group.campaign.campaign_id, group.accused, len(group.rows)) for group in ordinary.groups.values()] == [
        ("C1", True, 412),
        ("C2", True, 36),
        ("C3", False, 25),
    ]


def test_every_account_of_the_report_is_found_with_its_evidence(ordinary: Run) -> None:
    report = made_reports.ordinary()
    for account in report.accounts[::7]:
        assert ordinary.account(named(account.account_id)) == account
    assert ordinary.account("nobody") is None
    assert ordinary.account("\udcff") is None


def test_artefacts_keep_their_accounts_and_drop_whom_the_group_does_not_hold(tmp_path: Path) -> None:
    links = (ArtefactLink("payment", "00ff", ("a", "c"), 3), ArtefactLink("address", "ff00", ("b", "stranger"), 0))
    campaign, _ = made_reports.campaign("C1", 3, 1, artefacts=links, members=("a", "b", "c"))
    accounts = [made_reports.account(name, "C1", "campaign", made_reports.random.Random(1)) for name in "cab"]
    run = open_run(written(made_reports.report([campaign], accounts), tmp_path / "run"))
    group = run.groups["C1"]
    ids = run.ids(group).to_list()
    used = {
        (kind, digits): [ids[place] for place in group.ties.used_by(number)]
        for number, (kind, digits) in enumerate(zip(group.ties.kinds, group.ties.hashes, strict=True))
    }
    assert used == {("payment", "00ff"): ["a", "c"], ("address", "ff00"): ["b"]}
    assert group.ties.outsiders.tolist() == [3, 0]
    assert group.campaign.members == ()


def test_accounts_with_any_name_have_an_address_of_their_own(tmp_path: Path) -> None:
    run = open_run(written(made_reports.hostile(), tmp_path / "run"))
    names = [account.account_id for account in made_reports.hostile().accounts]
    assert len({account_path(name) for name in names}) == len(names)
    for name in names:
        found = run.account(named(name))
        assert found is not None
        assert found.account_id == name
        assert len(account_path(name)) < 2_000


def test_a_run_that_found_nothing_has_no_groups(tmp_path: Path) -> None:
    run = open_run(written(made_reports.empty(), tmp_path / "run"))
    assert (run.accused, run.doubtful, len(run.accounts)) == ((), (), 50)


def test_a_run_of_an_empty_log_opens(tmp_path: Path) -> None:
    run = open_run(written(made_reports.report([], []), tmp_path / "run"))
    assert len(run.accounts) == 0
    assert run.account("a") is None


def test_a_run_that_was_replaced_is_seen_as_changed(tmp_path: Path) -> None:
    folder = written(made_reports.empty(), tmp_path / "run")
    run = open_run(folder)
    assert not run.changed()
    shutil.rmtree(folder)
    assert run.changed()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("manifest.json", "is no run of Stillwatch"),
        ("report.json", "holds no report.json"),
        ("accounts.parquet", "holds no accounts.parquet"),
    ],
)
def test_a_folder_in_which_a_file_is_missing_says_which(
    ordinary_folder: Path, tmp_path: Path, broken: str, said: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ordinary_folder, folder)
    (folder / broken).unlink()
    with pytest.raises(InputError, match=said) as error:
        open_run(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("broken", ["manifest.json", "report.json", "accounts.parquet"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\x00\xfe", b"[1, 2]"])
def test_a_file_that_is_not_what_it_should_be_is_one_line(
    ordinary_folder: Path, tmp_path: Path, broken: str, content: bytes
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ordinary_folder, folder)
    (folder / broken).write_bytes(content)
    with pytest.raises(StillwatchError) as error:
        open_run(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_files_of_two_runs_do_not_pass_for_one(ordinary_folder: Path, tmp_path: Path) -> None:
    folder = written(made_reports.empty(), tmp_path / "run")
    shutil.copy(ordinary_folder / "report.json", folder / "report.json")
    with pytest.raises(InputError, match="of different runs"):
        open_run(folder)
