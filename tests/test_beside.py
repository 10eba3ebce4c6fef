"""Work beside the scan gives what it would have given here, whatever becomes of the process."""

from __future__ import annotations

import gc
import os
import signal

import pytest

from stillwatch.beside import beside, rare_collections


def _where(number: int) -> tuple[int, int]:
    return os.getpid(), number + 1


def _refuse(number: int) -> int:
    raise ValueError(f"not {number}")


def _die_apart(parent: int) -> str:
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done here"


def test_the_work_runs_in_a_process_of_its_own_which_ends_with_the_block() -> None:
    with beside(_where, 1, apart=True) as asked:
        process, number = asked()
        assert number == 2
    if process != os.getpid():  # one core: no process is worth starting
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_without_apart_the_work_is_done_here() -> None:
    with beside(_where, 1, apart=False) as asked:
        assert asked() == (os.getpid(), 2)


def test_on_one_core_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillwatch.beside.cpu_count", lambda: 1)
    with beside(_where, 1, apart=True) as asked:
        assert asked() == (os.getpid(), 2)


def test_where_no_process_can_be_started_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stillwatch.beside.cpu_count", lambda: 2)
    monkeypatch.setattr("stillwatch.beside.ProcessPoolExecutor", full)
    with beside(_where, 1, apart=True) as asked:
        assert asked() == (os.getpid(), 2)


def test_a_killed_process_costs_time_and_nothing_else() -> None:
    with beside(_die_apart, os.getpid(), apart=True) as asked:
        assert asked() == "done here"


@pytest.mark.parametrize("apart", [True, False])
def test_an_error_reaches_who_asks(apart: bool) -> None:
    with beside(_refuse, 3, apart=apart) as asked, pytest.raises(ValueError, match="not 3"):
        asked()


def test_who_does_not_ask_is_not_kept_waiting_by_an_error() -> None:
    with beside(_refuse, 3, apart=True):
        pass


def test_garbage_is_looked_for_as_before_once_the_block_ends() -> None:
    before, within = gc.get_threshold(), []

    @rare_collections()
    def fail() -> None:
        within.append(gc.get_threshold())
        raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert within[0][0] > before[0]
    assert gc.get_threshold() == before


def test_who_has_turned_collection_off_keeps_it_off() -> None:
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with rare_collections():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
