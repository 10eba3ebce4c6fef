"""What a replay says: exactly whom a policy would have touched, by the gateway's own decision."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from stillwatch.cli import main
from stillwatch.cli.policy.replay_summary import summary
from stillwatch.cli.terminal import Style
from stillwatch.errors import InputError
from stillwatch.exchange import EXCHANGE
from stillwatch.gateway.learning.standings import subjects_of_run
from stillwatch.gateway.policy_file import parse_policy
from stillwatch.gateway.replay import read_taken, replay
from stillwatch.gateway.replayed import Replay, innocents
from stillwatch.sources.log import open_log
from stillwatch.storage.tables import write_batches, write_table
from tests.campaigns.made_reports import account, campaign, report

GOLDEN = Path(__file__).parent.parent / "golden" / "policy"
START = dt.datetime(2026, 9, 7, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
POOL, REVIEWED, OTHERS = ("p1", "p2", "p3", "p4", "p5", "p6"), ("r1", "r2"), tuple(f"o{n:02}" for n in range(32))
POLICY = """version = 1
name = "mine"
mode = "watch"

[[measures]]
response = "observe"
levels = ["suspected", "review", "campaign", "confirmed"]

[[measures]]
response = "shield_reasoning"
parameters = { mode = "drop" }

[[measures]]
response = "slow_down"
innocent_at_most = 0.05
parameters = { per_day = 24, burst = 6 }

[[measures]]
response = "hold_for_review"
innocent_at_most = 0.0005

[[exempt]]
name = "partner"
why = "contract"
organizations = ["uni"]

[bounds]
requests_touched = 0.9
accounts_touched = 0.9
"""


def rows() -> list[dict[str, Any]]:
    """Three days: each account of the pool asks every hour, those under review and others every eight hours."""
    made = []
    for hour in range(72):
        for n, who in enumerate((*POOL, *REVIEWED, *OTHERS)):
            if who not in POOL and (hour + n) % 8:
                continue
            made.append(
                {
                    "exchange_id": f"{who}-{hour:02}",
                    "started_at": START + hour * HOUR + dt.timedelta(seconds=n),
                    "account_id": who,
                    "operation": "chat",
                    "messages": json.dumps([{"role": "user", "content": "canary of the log"}]),
                    "response": "canary of the answer",
                    "reasoning": "canary of the thought" if hour % 2 else None,
                    "reasoning_tokens": 9 if hour % 2 else 0,
                    "max_tokens": 100,
                }
            )
    return made


def write_log(folder: Path, made: Sequence[dict[str, Any]]) -> Path:
    path = folder / "log.parquet"
    write_batches([pa.RecordBatch.from_pylist(list(made), schema=EXCHANGE)], path)
    return path


def write_run(folder: Path, made: Sequence[dict[str, Any]]) -> Path:
    """The results of a scan that accuses the pool and shows two more."""
    run = folder / "run"
    run.mkdir()
    rng = random.Random(0)
    accused, _ = campaign("C1", len(POOL), 1, members=POOL, accounts=len(POOL), q_value=0.0001)
    shown, _ = campaign("C2", 2, 2, members=REVIEWED, accounts=2, verdict="review", p_value=0.2)
    people = [
        msgspec.structs.replace(account(who, "C1", "campaign", rng), posterior=1 - 0.0004 * 3**n)
        for n, who in enumerate(POOL)
    ]
    people += [msgspec.structs.replace(account(who, "C2", "review", rng), posterior=0.7) for who in REVIEWED]
    people += [account(who, None, "clear", rng) for who in OTHERS]
    (run / "report.json").write_bytes(msgspec.json.encode(report([accused, shown], people)))
    taken = [0.9 if row["account_id"] in POOL else 0.0 for row in made]
    ids = pa.array([row["exchange_id"] for row in made], pa.large_string())
    write_table(pa.table({"exchange_id": ids, "taken": taken}), run / "exchanges.parquet")
    return run


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, Path, Path]:
    made = rows()
    (tmp_path / "mine.toml").write_text(POLICY)
    return write_log(tmp_path, made), write_run(tmp_path, made), tmp_path / "mine.toml"


def replayed(world: tuple[Path, Path, Path], policy: str = POLICY, **more: Any) -> Replay:
    log, run, _ = world
    said = parse_policy(policy.encode(), "p.toml")
    return replay(open_log([log]), subjects_of_run(run, **more), said, read_taken(run))


def run_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["policy", *arguments])
    return int(str(ended.value.code))


def test_it_says_in_words_whom_it_would_have_touched(world: tuple[Path, Path, Path]) -> None:
    text = summary(replayed(world), Style(open("/dev/null", "w")))  # noqa: SIM115
    assert text == (GOLDEN / "replay.txt").read_text("utf-8")
    assert all(len(line) <= 100 for line in text.splitlines())


def test_only_those_with_claims_are_touched_and_every_exchange_is_accounted_for(world: tuple[Path, Path, Path]) -> None:
    found = replayed(world)
    assert {p.account_id for p in found.people} == {*POOL, *REVIEWED}
    assert {p.account_id for p in found.people if p.touched} == set(POOL), "nobody under review, nobody else"
    assert found.taken is not None
    assert found.taken.without == pytest.approx(0.9 * 72 * len(POOL))
    assert found.taken.passed + found.taken.limited + found.taken.refused == pytest.approx(found.taken.without)
    assert found.refused == sum(p.refused for p in found.people)
    assert found.exchanges == len(rows())
    assert found.touched == sum(p.touched for p in found.people)


def test_the_campaign_has_one_budget_and_a_hold_ends_by_itself(world: tuple[Path, Path, Path]) -> None:
    no_hold = POLICY.replace("innocent_at_most = 0.0005", "innocent_at_most = 0.0")
    people = [p for p in replayed(world, no_hold).people if "slow_down" in p.responses]
    assert {p.account_id for p in people} == set(POOL[:5]), "the sixth is too likely innocent"
    passed = sum(p.exchanges - p.refused for p in people)
    assert 72 + 6 - 3 <= passed <= 72 + 6, "one an hour and six at once, for all together"
    short = POLICY.replace("innocent_at_most = 0.0005", "parameters = { hours = 24 }").replace("slow_down", "observe")
    short = short.replace("parameters = { per_day = 24, burst = 6 }", "")
    held = {p.account_id: p.refused for p in replayed(world, short).people if p.refused}
    assert held == dict.fromkeys(POOL[:5], 24), "those of whom the scan is sure, for a day"


def test_a_shield_is_counted_only_where_there_was_reasoning(world: tuple[Path, Path, Path]) -> None:
    only = POLICY.replace("innocent_at_most = 0.05", "innocent_at_most = 0.0").replace("0.0005", "0.0")
    found = replayed(world, only)
    assert found.shielded == found.touched == 36 * len(POOL)


def test_the_order_of_the_log_does_not_matter(tmp_path: Path, world: tuple[Path, Path, Path]) -> None:
    made = rows()
    random.Random(1).shuffle(made)
    (tmp_path / "other").mkdir()
    other = (write_log(tmp_path / "other", made), *world[1:])
    assert replayed(other) == replayed(world)


def test_who_is_exempt_is_left_out(world: tuple[Path, Path, Path]) -> None:
    found = replayed(world, organizations={"p1": "uni", "p2": "elsewhere"})
    assert next(p for p in found.people if p.account_id == "p2").touched
    assert not [p for p in found.people if p.account_id == "p1"]
    assert ("slow_down", "exempt", 1) in {(one.response, one.why, one.accounts) for one in found.left_out}


def test_a_dry_measure_touches_nobody_and_is_told(world: tuple[Path, Path, Path]) -> None:
    found = replayed(world, POLICY.replace('response = "slow_down"', 'response = "slow_down"\ndry = true'))
    (slow,) = [one for one in found.responses if one.response == "slow_down"]
    assert (slow.watched, slow.touched, slow.requests) == (True, 0, 0)
    assert all("slow_down" not in p.responses for p in found.people)


def test_it_stands_down_where_its_bounds_are_left(world: tuple[Path, Path, Path]) -> None:
    whole = replayed(world)
    assert whole.stood_down is None
    found = replayed(
        world, POLICY.replace("accounts_touched = 0.9", "accounts_touched = 0.1\nleast = 100\nwindow = 86400")
    )
    assert found.stood_down is not None
    assert (found.stood_down.what, found.stood_down.most) == ("accounts", 0.1)
    assert 0 < found.touched < whole.touched
    assert found.stood_down.after > 0


def test_off_touches_nobody(world: tuple[Path, Path, Path]) -> None:
    found = replayed(world, POLICY.replace('mode = "watch"', 'mode = "off"'))
    assert (found.touched, found.people) == (0, ())
    assert "nobody would have been touched" in summary(found, Style(open("/dev/null", "w")))  # noqa: SIM115


def test_asking_for_a_check_is_told(world: tuple[Path, Path, Path]) -> None:
    step_up = 'version = 1\nname = "s"\n[[measures]]\nresponse = "step_up"\n'
    step_up += 'parameters = { url = "https://x.example" }\n'
    found = replayed(world, step_up)
    assert (found.touched, found.asked) == (0, len(POOL))


def test_the_expected_innocent_have_an_interval_that_holds_the_sum(world: tuple[Path, Path, Path]) -> None:
    found = replayed(world).innocent
    assert found.of == len(POOL)
    assert found.expected == pytest.approx(sum(max(0.0004 * 3**n, 0.0001) for n in range(6)))
    assert found.low <= found.expected <= found.high <= len(POOL)
    nobody = innocents([])
    assert (nobody.expected, nobody.low, nobody.high) == (0, 0, 0)


def test_a_run_of_other_accounts_is_refused(tmp_path: Path, world: tuple[Path, Path, Path]) -> None:
    (tmp_path / "other").mkdir()
    strangers = [row | {"account_id": f"x{row['account_id']}"} for row in rows()]
    with pytest.raises(InputError, match="claims about no account of this log"):
        replayed((write_log(tmp_path / "other", strangers), *world[1:]))


def test_exit_codes_and_json(world: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    log, run, policy = (str(path) for path in world)
    assert run_command("test", policy, "--replay", log, "--run", run, "--json") == 1
    found = msgspec.json.decode(capsys.readouterr().out, type=Replay)
    assert found == replayed(world)
    assert run_command("test", policy, "--replay", log, "--run", run, "--quiet") == 1
    assert capsys.readouterr().out == ""
    assert run_command("test", "none.toml", "--replay", log, "--run", run) == 2
    assert run_command("test", policy, "--replay", log, "--run", log) == 2
    assert run_command("test", policy, "--replay", log, "--run", run, "--state", run) == 2
    world[2].write_text('version = 1\nname = "nothing"\nmode = "act"\n')
    assert run_command("test", policy, "--replay", log, "--run", run) == 0
    world[2].write_text('version = 1\nname = "nothing"\n[[measures]]\nresponse = "x"\n')
    capsys.readouterr()
    assert run_command("test", policy, "--replay", log, "--run", run) == 2
    assert f"{policy}:4: measures[0].response: there is no response 'x'" in capsys.readouterr().err


def test_no_text_of_the_log_is_shown(world: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    log, run, policy = (str(path) for path in world)
    for more in ([], ["--json"]):
        run_command("test", policy, "--replay", log, "--run", run, *more)
        assert "canary" not in "".join(capsys.readouterr())


def test_a_hostile_account_reaches_no_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [row | {"account_id": "\x1b[2Jp6"} if row["account_id"] == "p6" else row for row in rows()]
    run = write_run(tmp_path, made)
    told = msgspec.json.decode((run / "report.json").read_bytes())
    for one in told["accounts"]:
        one["account_id"] = "\x1b[2Jp6" if one["account_id"] == "p6" else one["account_id"]
    (run / "report.json").write_bytes(msgspec.json.encode(told))
    (tmp_path / "mine.toml").write_text(POLICY)
    log = write_log(tmp_path, made)
    assert run_command("test", str(tmp_path / "mine.toml"), "--replay", str(log), "--run", str(run)) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\u{1b}[2Jp6" in out


def test_a_policy_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(POLICY)
    assert run_command("show", str(tmp_path / "mine.toml")) == 0
    assert capsys.readouterr().out == (GOLDEN / "show.txt").read_text("utf-8")
    assert run_command("check", str(tmp_path / "mine.toml")) == 0
    assert "exempt by organization: make sure that you verified it" in capsys.readouterr().out
    assert run_command("show", "strict", "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "strict"
