"""The gateway at work: what it keeps to while policies change, stores fail, clocks leap and people decide."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stillwatch.errors import InputError
from stillwatch.gateway.alerts.base import Alert
from stillwatch.gateway.gate import Gate, open_gate
from stillwatch.gateway.journal import HOUR
from stillwatch.gateway.ledger import read_ledger, verify
from stillwatch.gateway.state import Cleared, Switch, Undone
from stillwatch.gateway.stores.base import change, gone
from stillwatch.gateway.stores.opening import open_store
from tests.gateway.claims import HOLD, NOW, SECOND, SLOW, Open, SetClock, asked, claim, ended, refused, write_policy


def kinds(folder: Path) -> list[str]:
    return [entry.kind for entry in read_ledger(folder / "ledger")]


def test_a_claim_of_another_process_acts_after_the_next_round_and_is_told(opened: Open, tmp_path: Path) -> None:
    gate = opened()
    assert refused(gate, times=5) == [False] * 5
    learner = open_store(tmp_path / "state", None)
    learner.put([change(claim("a"))])
    gate.refresh()
    assert refused(gate, times=4) == [False, False, True, True]
    learner.put([gone("claim", "a")])
    gate.refresh()
    assert refused(gate, times=3) == [False] * 3
    learner.close()
    gate.close()
    assert kinds(tmp_path / "state") == ["policy", "applied", "decision", "decision", "undone"]
    assert verify(tmp_path / "state" / "ledger").problems == ()


def test_a_restarted_gateway_goes_on_where_it_ended(opened: Open) -> None:
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    decisions = [gate.decide(asked("a")) for _ in range(3)]
    for decision in decisions:
        gate.observed(ended(decision, input_tokens=7))
    gate.close()
    gate.close()  # the second time nothing happens
    again = opened()
    assert refused(again) == [True]  # the budget is as empty as it was
    assert again.state.profile("a") == gate.state.profile("a")
    assert again.state.profile("a").exchanges == 3  # type: ignore[union-attr]
    assert again.state.campaigns(NOW)["c"].day.exchanges == 3
    assert again.state.key == gate.state.key
    assert again.state.referred(decisions[2].reference) == "a"


def test_a_changed_policy_is_in_force_from_the_next_round_and_takes_back_what_it_does_not_ask_for(
    opened: Open, tmp_path: Path
) -> None:
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    assert refused(gate, times=3)[-1]
    assert not gate.keeps_text
    write_policy(tmp_path / "policy.toml", HOLD, more="[learning]\nkeep_text_hours = 1")
    gate.refresh()
    assert gate.decide(asked("a")).reasons == ("hold_for_review",)
    assert gate.keeps_text
    write_policy(tmp_path / "policy.toml", "")
    gate.refresh()
    assert refused(gate) == [False]
    assert gate.state.all_actions() == []


@pytest.mark.parametrize("failing", ["open", "closed"])
def test_a_broken_policy_is_told_of_and_the_last_one_holds_or_all_is_refused(
    opened: Open, tmp_path: Path, failing: str
) -> None:
    path, alerts = tmp_path / "policy.toml", list[Alert]()
    write_policy(path, SLOW + f'[failures]\npolicy_broken = "{failing}"\n')
    gate = opened()
    gate.alerts.append(alerts.append)
    gate.put([change(claim("a"))])
    path.write_text("mode = [")
    gate.refresh()
    gate.refresh()
    assert len(alerts) == 1
    assert gate.figures()["policy_broken"] == 1
    closed = failing == "closed"
    assert refused(gate, times=3) == [closed, closed, True]
    assert refused(gate, "b") == [closed]
    if closed:
        assert gate.decide(asked("b")).refuse.status == 503  # type: ignore[union-attr]
    write_policy(path)
    gate.refresh()
    assert refused(gate, "b") == [False]


def test_a_policy_that_is_broken_from_the_start_opens_no_gate(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("version = 2")
    with pytest.raises(InputError, match=r"policy\.toml"):
        open_gate(tmp_path / "state", tmp_path / "policy.toml")


def test_the_emergency_switch_is_a_file_or_a_word_in_the_store(opened: Open, tmp_path: Path) -> None:
    gate, alerts = opened(), list[Alert]()
    gate.alerts.append(alerts.append)
    gate.put([change(claim("a"))])
    gate.refresh()
    assert refused(gate, times=3)[-1]
    (tmp_path / "state" / "off").touch()
    gate.refresh()
    assert refused(gate) == [False]
    (tmp_path / "state" / "off").unlink()
    gate.refresh()
    assert refused(gate) == [True]
    person = open_store(tmp_path / "state", None)
    person.put([change(Switch(name="off", on=True, why="by hand", at=NOW))])
    gate.refresh()
    assert refused(gate) == [False]
    gate.refresh()  # no file: what a person said still holds
    assert refused(gate) == [False]
    person.put([change(Switch(name="off", on=False, why="by hand", at=NOW + 1))])
    person.close()
    gate.refresh()
    assert refused(gate) == [True]
    assert [alert.kind for alert in alerts] == ["switched_off", "switched_off"]
    gate.close()
    assert kinds(tmp_path / "state").count("switch") == 4


def test_a_gateway_that_touches_too_many_stands_down_until_a_person_has_looked(opened: Open, tmp_path: Path) -> None:
    bounds = "[bounds]\nrequests_touched = 0.2\naccounts_touched = 1\nleast = 100\n"
    write_policy(tmp_path / "policy.toml", HOLD + bounds)
    gate, alerts = opened(), list[Alert]()
    gate.alerts.append(alerts.append)
    gate.put([change(claim("a"))])
    gate.refresh()
    done = [refused(gate, "a" if n % 2 else f"b{n}")[0] for n in range(300)]
    assert sum(done) == 50  # in the hundredth request the bound is seen to be left
    assert not any(done[100:])
    assert [alert.kind for alert in alerts] == ["stood_down"]
    assert gate.decide(asked("a")).dry == ("hold_for_review",)
    gate.refresh()
    person = open_store(tmp_path / "state", None)
    person.put([change(Switch(name="stood_down", on=False, why="looked", at=NOW))])
    person.close()
    gate.refresh()
    assert refused(gate) == [True]
    gate.close()
    assert kinds(tmp_path / "state").count("stood_down") == 1


def test_an_account_that_a_person_clears_is_left_alone_and_stays_so(opened: Open, tmp_path: Path) -> None:
    write_policy(tmp_path / "policy.toml", HOLD)
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    assert refused(gate) == [True]
    person = open_store(tmp_path / "state", None)
    person.put([change(Cleared(account_id="a", why="a class of students", at=NOW + 1))])
    gate.refresh()
    assert refused(gate) == [False]
    person.put([change(claim("a", since=NOW + 2))])
    gate.refresh()
    assert refused(gate) == [False]
    person.close()
    gate.close()
    assert kinds(tmp_path / "state") == ["policy", "applied", "decision", "undone"]
    assert refused(opened()) == [False]


def test_an_action_that_a_person_took_back_is_not_planned_again(opened: Open, tmp_path: Path) -> None:
    write_policy(tmp_path / "policy.toml", HOLD)
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    (action,) = gate.state.actions("a")
    person = open_store(tmp_path / "state", None)
    person.put(
        [change(Undone(action_id=action.id, account_id="a", why="a mistake", at=NOW)), gone("action", action.id)]
    )
    person.put([change(claim("a", innocent=0.02))])
    person.close()
    gate.refresh()
    assert refused(gate) == [False]
    gate.close()
    assert refused(opened()) == [False]


def test_what_ends_by_itself_comes_back_only_when_the_claim_is_made_anew(opened: Open, tmp_path: Path) -> None:
    write_policy(tmp_path / "policy.toml", HOLD.replace("hold_for_review", "shield_reasoning"), more="days = 2")
    clock = SetClock()
    gate = opened(clock=clock)
    gate.put([change(claim("a"))])
    gate.refresh()

    def touched(gate: Gate) -> bool:
        gate.refresh()
        return gate.decide(asked("a", clock.at, asks_reasoning=True)).touches

    assert touched(gate)
    clock.at += 36 * HOUR
    assert touched(gate)
    clock.at += 13 * HOUR  # planned again every hour meanwhile, and no longer for it
    assert not touched(gate)
    write_policy(tmp_path / "policy.toml", HOLD.replace("hold_for_review", "shield_reasoning"), more="days = 3")
    assert not touched(gate)
    gate.close()
    assert kinds(tmp_path / "state")[1:] == ["applied", "decision", "decision", "expired", "policy"]
    again = opened(clock=clock)
    assert not touched(again)
    learner = open_store(tmp_path / "state", None)
    learner.put([change(claim("a"))])  # a scan finds it once more
    learner.close()
    assert touched(again)
    clock.at += 60 * HOUR
    assert touched(again)


@pytest.mark.parametrize("failing", ["open", "closed"])
def test_an_error_of_ours_lets_pass_or_refuses_as_the_policy_says_and_is_counted(
    opened: Open, tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policy(tmp_path / "policy.toml", SLOW + f'[failures]\nerror = "{failing}"\n')
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()

    def broken(*anything: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(gate.state, "take", broken)
    assert refused(gate) == [failing == "closed"]
    assert gate.figures()["errors_decide"] == 1
    assert refused(gate, "b") == [False]


def test_telling_of_an_exchange_never_raises_even_where_the_journal_cannot_be_written(
    opened: Open, tmp_path: Path
) -> None:
    gate = opened()
    (tmp_path / "state" / "journal").rename(tmp_path / "away")
    gate.listeners.append(lambda observed: 1 / 0)
    gate.observed(ended(gate.decide(asked("a"))))
    figures = gate.figures()
    assert (figures["errors_journal"], figures["errors_listener"], figures["exchanges"]) == (1, 1, 1)


def test_a_door_whose_clock_is_wrong_fills_no_budget(opened: Open) -> None:
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    late = [gate.decide(asked("a", NOW + n * HOUR)) for n in range(4)]
    assert [decision.refuse is not None for decision in late] == [False, False, True, True]
    assert late[3].at == NOW


def test_changing_the_policy_under_load_loses_and_doubles_nothing(opened: Open, tmp_path: Path) -> None:
    gate = opened(clock=None)
    gate.put([change(claim("a"))])
    gate.refresh()
    ends, told = threading.Event(), [0, 0]

    def load(number: int) -> None:
        while not ends.is_set():
            gate.observed(ended(gate.decide(asked("a" if told[number] % 2 else "b", gate.now()))))
            told[number] += 1

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for number in range(40):
        write_policy(tmp_path / "policy.toml", (SLOW, HOLD, "")[number % 3], mode=("act", "watch", "off")[number % 3])
        gate.refresh()
    ends.set()
    for thread in threads:
        thread.join()
    gate.close()
    lines = sum(path.read_bytes().count(b"\n") for path in (tmp_path / "state" / "journal").glob("*.jsonl"))
    assert lines == sum(told) == gate.state.figures()["exchanges"]
    assert not any(gate.errors.values())
    assert verify(tmp_path / "state" / "ledger").problems == ()


def test_the_way_of_a_request_imports_no_engine_and_no_arrays() -> None:
    program = (
        "import sys; import stillwatch.gateway.gate; "
        "print([n for n in ('numpy', 'pyarrow', 'duckdb', 'polars', 'ibis', 'redis', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_budgets_do_not_leap_with_the_machines_clock(opened: Open) -> None:
    gate = opened()
    gate.put([change(claim("a"))])
    gate.refresh()
    assert refused(gate, times=3) == [False, False, True]
    gate.clock.at -= 5 * SECOND  # type: ignore[attr-defined]
    assert refused(gate) == [True]
