"""The store: one order for all clients, what was accepted stays, and nobody overwrites another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stillwatch.errors import InputError, StorageError
from stillwatch.sharing.taxii import store as module
from stillwatch.sharing.taxii.content import read_object
from stillwatch.sharing.taxii.filters import EVERYTHING, LATEST
from stillwatch.sharing.taxii.store import Status, Store, TakenError
from tests.sharing.taxii.offered import identifier, indicator


def test_dates_rise_and_are_unique_also_when_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "c.sqlite")
    clock = iter([5_000, 5_000, 10, 4_000, 9_000])
    monkeypatch.setattr(module, "now", lambda: next(clock))
    for number in range(4):
        store.add("c", "u", [read_object(indicator(number))])
    dates = [row.added for row in store.page("c", EVERYTHING, 10).rows]
    assert dates == [5_000, 5_001, 5_002, 5_003]
    store.delete("c", "u", EVERYTHING._replace(ids=(identifier("indicator", 3),)))
    store.add("c", "u", [read_object(indicator(4))])
    assert [row.added for row in store.page("c", EVERYTHING, 10).rows][-1] == 9_000


def test_the_newest_date_is_never_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "c.sqlite")
    monkeypatch.setattr(module, "now", lambda: 7)
    for _ in range(3):  # each is the newest when it is deleted
        store.add("c", "u", [read_object(indicator(1))])
        last = store.page("c", EVERYTHING, 10).rows[-1].added
        store.delete("c", "u", EVERYTHING)
    assert last == 9


def test_many_writers_and_a_reader_who_pages_miss_nothing(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "c.sqlite") for _ in range(3)]
    seen: list[str] = []
    after = -1

    def write(which: int) -> None:
        for number in range(40):
            stores[which].add("c", "u", [read_object(indicator(1000 * which + number))])

    threads = [threading.Thread(target=write, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    while True:
        running = any(thread.is_alive() for thread in threads)
        page = stores[2].page("c", LATEST._replace(after=after), 7)
        seen += [row.id for row in page.rows]
        after = page.rows[-1].added if page.rows else after
        if not running and not page.rows:
            break
    assert sorted(seen) == sorted(identifier("indicator", 1000 * which + n) for which in range(2) for n in range(40))
    assert len(set(seen)) == len(seen)


def test_collections_do_not_see_each_other(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.sqlite")
    store.add("a", "u", [read_object(indicator(1))])
    assert store.page("b", EVERYTHING, 10).rows == ()
    assert store.delete("b", "u", EVERYTHING) == 0
    assert len(store.page("a", EVERYTHING, 10).rows) == 1


def test_a_revoked_object_stays_and_has_no_later_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.sqlite")
    store.add("c", "u", [read_object(indicator(1))])
    store.add("c", "u", [read_object(indicator(1, "2026-11-02T00:00:00Z", revoked=True))])
    (row,) = store.page("c", LATEST, 10).rows
    assert row.body is not None
    assert b'"revoked":true' in row.body
    (outcome,) = store.add("c", "u", [read_object(indicator(1, "2026-11-03T00:00:00Z"))])
    assert outcome.message == "was revoked, and a revoked object has no later version"
    (outcome,) = store.add("c", "u", [read_object(indicator(1, "2026-10-31T00:00:00Z"))])
    assert outcome.message is None  # an older version that comes late is history


def test_what_is_anothers_can_only_be_repeated(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.sqlite")
    store.add("c", "alpha", [read_object(indicator(1))])
    later = read_object(indicator(1, "2026-11-02T00:00:00Z"))
    assert store.add("c", "beta", [read_object(indicator(1))])[0].message is None
    assert "another user" in str(store.add("c", "beta", [later])[0].message)
    with pytest.raises(TakenError):
        store.delete("c", "beta", EVERYTHING)
    assert store.add("c", "beta", [later], anyone=True)[0].message is None
    assert store.delete("c", "beta", EVERYTHING, anyone=True) == 2


def test_one_object_has_so_many_versions_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VERSIONS", 3)
    store = Store(tmp_path / "c.sqlite")
    said = [store.add("c", "u", [read_object(indicator(1, f"2026-11-0{day}T00:00:00Z"))])[0] for day in range(1, 6)]
    assert [one.message is None for one in said] == [True, True, True, False, False]


def test_a_page_ends_before_it_is_too_large_but_always_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAGE_BYTES", 1500)
    store = Store(tmp_path / "c.sqlite")
    for number in range(4):
        store.add("c", "u", [read_object(indicator(number, note="x" * 2000 if number == 1 else ""))])
    sizes, after = [], -1
    while True:
        page = store.page("c", LATEST._replace(after=after), 100)
        sizes.append(len(page.rows))
        if not page.more:
            break
        after = page.rows[-1].added
    assert sum(sizes) == 4
    assert min(sizes) == 1
    assert len(sizes) >= 3


def test_a_request_and_its_status_are_there_together_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.sqlite")

    def broken(outcomes: object) -> Status:
        raise RuntimeError("cut short")

    with pytest.raises(RuntimeError):
        store.add("c", "u", [read_object(indicator(1))], report=broken)
    assert store.page("c", EVERYTHING, 10).rows == ()
    store.add("c", "u", [read_object(indicator(1))], report=lambda outcomes: Status("s1", "r", b"{}"))
    store.close()
    again = Store(tmp_path / "c.sqlite")
    assert again.status("s1", "r", "u") == b"{}"
    assert again.status("s1", "r", "v") is None
    assert again.status("s1", "other", "u") is None


def test_statuses_are_forgotten_after_a_week_and_not_before_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "c.sqlite")
    day = 24 * 3600 * 1_000_000
    for when, name in ((0, "old"), (7 * day, "young"), (8 * day, "now")):
        monkeypatch.setattr(module, "now", lambda when=when: when)
        store.add("c", "u", [read_object(indicator(1))], report=lambda outcomes, name=name: Status(name, "r", b"{}"))
    assert [store.status(name, "r", "u") is not None for name in ("old", "young", "now")] == [False, True, True]


def test_a_file_that_is_no_store_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="is no store of collections"):
        Store(tmp_path / "c.sqlite")
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(tmp_path / "nowhere" / "c.sqlite")


def test_the_store_is_nobody_elses_to_read(tmp_path: Path) -> None:
    Store(tmp_path / "c.sqlite").close()
    assert (tmp_path / "c.sqlite").stat().st_mode & 0o077 == 0


def test_what_one_object_costs_does_not_grow_with_its_collection(tmp_path: Path) -> None:
    store = Store(tmp_path / "c.sqlite")
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    for connection in (store._writer, store._reader):
        connection.set_progress_handler(count, 1)
    one = LATEST._replace(ids=(identifier("indicator", 7),))

    def costs(number: int) -> list[int]:
        work = (
            lambda: store.add("c", "u", [read_object(indicator(number))]),
            lambda: store.page("c", one, 10),
            lambda: store.page("c", one._replace(after=5), 10, bodies=False),
            lambda: store.page("c", LATEST, 10),
            lambda: store.delete("c", "u", EVERYTHING._replace(ids=(identifier("indicator", number),))),
        )
        found = []
        for do in work:
            steps[0] = 0
            do()
            found.append(steps[0])
        return found

    store.add("c", "u", [read_object(indicator(number)) for number in range(50)])
    small = costs(10_000)
    store.add("c", "u", [read_object(indicator(number)) for number in range(50, 3000)])
    large = costs(10_001)
    assert all(after <= 1.5 * before for before, after in zip(small, large, strict=True)), (small, large)
