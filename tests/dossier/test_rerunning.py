"""A dossier's figures come out again from its sealed inputs, on any machine; what a changed log changes is named."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.campaigns.report import ArtefactLink
from stillwatch.cli import main
from stillwatch.console.decisions import Decisions
from stillwatch.dossier.checking import check
from stillwatch.dossier.choices import GivenLog
from stillwatch.dossier.making import Made, make
from stillwatch.dossier.rerunning import rerun, ties_compared
from stillwatch.errors import UsageError
from stillwatch.simulation.operators.campaign import parse_campaign
from stillwatch.simulation.world import simulate
from tests.console.decisions.made import decide
from tests.dossier.made import CAMPAIGN, Scanned, choices

pytestmark = pytest.mark.slow


class Real(NamedTuple):
    """A simulated log that was scanned, and the dossier on its campaign, with the inputs inside."""

    log: GivenLog
    run: Path
    made: Made
    salt: Path


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    folder = tmp_path_factory.mktemp("real")
    world = simulate(accounts=150, days=8.0, campaigns=[parse_campaign("blatant:accounts=30")], seed=1, load=0.6)
    world.write(folder / "world")
    log, accounts = folder / "world" / "exchanges.parquet", folder / "world" / "accounts.parquet"
    with pytest.raises(SystemExit):
        main(["scan", str(log), "--accounts", str(accounts), "--out", str(folder / "run"), "--quiet", "--seed", "3"])
    given = GivenLog(locations=(str(log),), accounts=accounts)
    made = make(folder / "run", CAMPAIGN, folder / "dossier", choices(given, seal="inside"))
    return Real(given, folder / "run", made, folder / "run.salt")


def test_the_same_numbers_come_out_elsewhere_from_the_sealed_inputs(real: Real, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(real.made.folder, tmp_path / "elsewhere" / "copy"))
    found, read = check(folder)
    assert found.problems == ()
    assert read is not None
    again = rerun(folder, read, salt=real.salt)
    assert again.problems == ()
    assert any("verdicts and figures come out the same, bit for bit" in line for line in again.holds)
    assert any("accounts.parquet, campaigns.parquet, exchanges.parquet of the run" in line for line in again.holds)


def test_a_changed_line_of_the_log_is_told_with_the_figures_that_it_changes(real: Real, tmp_path: Path) -> None:
    table = pq.read_table(real.log.locations[0])
    victim = real.made.dossier.accounts[0].account_id
    row = pc.index(table.column("account_id"), victim).as_py()
    tokens = table.column("output_tokens").to_pylist()
    tokens[row] = (tokens[row] or 0) + 1_000
    at = table.schema.get_field_index("output_tokens")
    changed = tmp_path / "changed.parquet"
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(tokens, table.schema.field(at).type)), changed)
    _, read = check(real.made.folder)
    assert read is not None
    again = rerun(real.made.folder, read, log=dataclasses.replace(real.log, locations=(str(changed),)))
    assert any("changed.parquet is no file that was scanned" in problem for problem in again.problems)
    figures = [problem for problem in again.problems if "and comes out as" in problem]
    assert any(problem.startswith("campaign.output_tokens is") for problem in figures)
    assert any("keyed hashes" in line for line in again.unchecked)


def test_the_archive_beside_it_serves_as_well_and_a_changed_one_is_named(
    real: Real, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(real.run, CAMPAIGN, tmp_path / "dossier", choices(real.log, seal="beside"))
    archive = Path((tmp_path / "dossier.inputs.tar").rename(tmp_path / "elsewhere.tar"))
    command = ["dossier", "verify", str(tmp_path / "dossier"), "--rerun"]
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == 2
    assert "holds the sealed inputs; name it with --inputs" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main([*command, "--inputs", str(archive)])
    said = capsys.readouterr().out
    assert end.value.code == 0, said
    assert "verdicts and figures come out the same, bit for bit" in said
    data = archive.read_bytes()
    archive.write_bytes(data[:2_000] + bytes([data[2_000] ^ 1]) + data[2_001:])
    with pytest.raises(SystemExit) as end:
        main([*command, "--inputs", str(archive)])
    assert end.value.code == 2
    assert "elsewhere.tar: was changed since the dossier was made" in capsys.readouterr().err


@pytest.fixture(scope="module")
def decided(real: Real, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of decisions of a console, and a scan that heeded them; a person decided again after it."""
    folder = tmp_path_factory.mktemp("decided")
    decisions, members = Decisions(folder / "decisions"), [a.account_id for a in real.made.dossier.accounts]
    decide(decisions, "dismiss", members[:1], why="Their dean wrote: a class.", explanation="class")
    decide(decisions, "confirm", members[1:9], why="One card, one script.")
    given = ["--accounts", str(real.log.accounts), "--decisions", str(folder / "decisions"), "--quiet", "--seed", "3"]
    with pytest.raises(SystemExit):
        main(["scan", real.log.locations[0], *given, "--out", str(folder / "run")])
    decide(decisions, "dismiss", members[1:2], why="A class as well.", explanation="class")
    return folder / "decisions", folder / "run"


@pytest.mark.parametrize("seal", ["inside", "beside"])
def test_what_people_decided_until_the_scan_is_heeded_again_and_nothing_after_it(
    real: Real, decided: tuple[Path, Path], tmp_path: Path, seal: str
) -> None:
    decisions, run = decided
    made = make(run, CAMPAIGN, tmp_path / "dossier", choices(real.log, seal=seal, decisions=decisions))
    assert real.made.dossier.accounts[0].account_id not in {a.account_id for a in made.dossier.accounts}
    _, read = check(made.folder)
    assert read is not None
    again = rerun(made.folder, read, salt=run.with_name("run.salt"))
    assert again.problems == ()
    assert again.unchecked == ()
    assert any("verdicts and figures come out the same, bit for bit" in line for line in again.holds)


def test_decisions_that_are_not_at_hand_or_not_those_are_told(
    real: Real, decided: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decisions, run = decided
    make(run, CAMPAIGN, tmp_path / "dossier", choices(real.log))
    command = ["dossier", "verify", str(tmp_path / "dossier"), "--rerun", "--log", real.log.locations[0]]
    command += ["--accounts", str(real.log.accounts)]
    with pytest.raises(SystemExit) as end:
        main([*command, "--decisions", str(decisions)])
    said = capsys.readouterr().out
    assert end.value.code == 0, said
    with pytest.raises(SystemExit) as end:
        main(command)
    said = capsys.readouterr().out
    assert end.value.code == 1
    assert "the scan heeded decisions that are not among the inputs; give --decisions" in said
    decide(Decisions(tmp_path / "other"), "hold", ["somebody"])
    with pytest.raises(SystemExit) as end:
        main([*command, "--decisions", str(tmp_path / "other")])
    assert end.value.code == 2
    assert "is not the file of decisions that the scan heeded" in capsys.readouterr().err


def test_under_another_salt_only_what_it_moves_is_left_out_of_the_comparison() -> None:
    """Of equally strong artefacts those are listed whose keyed hash comes first: a full list depends on the salt."""
    names = [f"acct_{number:03d}" for number in range(200)]
    strong = [ArtefactLink("payment", f"{n:016x}", tuple(names[n : n + 9]), 0) for n in range(10)]
    weak = [ArtefactLink("payment", f"{n:016x}", tuple(names[n : n + 2]), 1) for n in range(90)]
    few = [ArtefactLink("client", f"{n:016x}", tuple(names[n : n + 2]), 1) for n in range(5)]
    one, other = (ties_compared([*strong, *some, *few], with_hashes=False) for some in (weak[:50], weak[40:]))
    assert one == other
    assert sum(tie[0] == "client" and isinstance(tie[1], list) for tie in one) == 5
    assert sum(tie[0] == "payment" and isinstance(tie[1], list) for tie in one) == 10
    assert one != ties_compared([*strong[1:], *weak[:51], *few], with_hashes=False)
    assert one != ties_compared([*strong, *weak[:50], *few[1:]], with_hashes=False)
    assert ties_compared(weak[:50], with_hashes=True) != ties_compared(weak[40:], with_hashes=True)


def test_a_dossier_without_its_inputs_says_that_it_needs_them(run: Scanned, tmp_path: Path) -> None:
    made = make(run.run, CAMPAIGN, tmp_path / "d", choices())
    _, read = check(made.folder)
    assert read is not None
    with pytest.raises(UsageError, match="were not sealed with this dossier"):
        rerun(made.folder, read)
