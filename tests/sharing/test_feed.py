"""The feed: newest versions, nothing that was taken back or has expired, and no source that spoils another's."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from stillwatch.errors import InputError, StorageError, UsageError
from stillwatch.sharing import feed as module
from stillwatch.sharing.base import Decoded, ForeignIndicator
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.feed import Added, Feed
from stillwatch.sharing.formats.own import FORMAT
from stillwatch.storage.whole import write_whole
from tests.sharing.told import DAY, bulletin, changed, producer

ROOT = Path(__file__).parents[2]


def document(*bulletins: Bulletin, foreign: tuple[ForeignIndicator, ...] = ()) -> Decoded:
    return Decoded(bulletins, foreign, {}, ())


def add(feed: Feed, *bulletins: Bulletin, source: str = "A") -> Added:
    return feed.add(document(*bulletins), source=source)


def held(feed: Feed, today: dt.date = DAY) -> list[tuple[Bulletin, str]]:
    return [(received.bulletin, received.source) for received in feed.bulletins(today)]


def test_an_empty_feed_has_nothing_and_nothing_added_changes_nothing(tmp_path: Path) -> None:
    feed = Feed(tmp_path / "feed")
    assert held(feed) == []
    assert feed.indicators(DAY) == ()
    assert add(feed) == Added(0, 0, 0, 0, (), 0)
    assert held(feed) == []


def test_the_newest_version_of_each_bulletin_is_kept_with_who_sent_it(tmp_path: Path) -> None:
    feed, one, two = Feed(tmp_path), bulletin(1), bulletin(2)
    later = changed(one, tlp="amber")
    assert add(feed, one, two) == Added(2, 0, 0, 0, (), 0)
    assert add(feed, later).updated == 1
    assert add(feed, one, two, later).known == 3
    assert held(feed) == [(later, "A"), (two, "A")]
    assert held(Feed(tmp_path)) == [(later, "A"), (two, "A")]


def test_a_bulletin_in_the_feed_is_a_document_of_our_own_format(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    add(feed, one)
    assert FORMAT.decode((feed.place("A") / f"{one.id}.json").read_bytes()).bulletins == (one,)


def test_what_is_taken_back_is_gone_and_stays_gone(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    add(feed, one)
    assert add(feed, changed(one, revoked=True)).revoked == 1
    assert held(feed) == []
    assert add(feed, one).known == 1
    assert add(feed, changed(one, revoked=True)).known == 1
    assert "no later version" in add(feed, changed(one, hours=2)).refused[0].reason
    assert "no later version" in add(feed, changed(one, hours=2), source="B").refused[0].reason
    assert add(feed, one, source="B").known == 1
    assert held(feed) == []


def test_what_is_taken_back_before_it_came_never_comes_from_there(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    assert add(feed, changed(one, revoked=True)).revoked == 1
    assert add(feed, one).known == 1
    assert held(feed) == []


def test_a_revocation_of_the_same_version_counts(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    add(feed, one)
    assert add(feed, msgspec.structs.replace(one, revoked=True)).revoked == 1
    assert held(feed) == []


def test_another_source_can_neither_change_nor_take_back(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    add(feed, one)
    for wrong in (changed(one, tlp="clear"), changed(one, revoked=True)):
        (refused,) = add(feed, wrong, source="B").refused
        assert "came first from A" in refused.reason
    assert add(feed, one, source="B").known == 1
    assert held(feed) == [(one, "A")]


def test_taking_back_what_is_not_ones_own_does_not_keep_it_out(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    assert add(feed, changed(one, revoked=True), source="B").revoked == 1
    assert add(feed, one, source="A").new == 1
    assert held(feed) == [(one, "A")]


def test_an_id_belongs_to_its_producer_and_a_version_has_one_content(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1)
    add(feed, one)
    assert "another producer" in add(feed, changed(one, producer=producer(2))).refused[0].reason
    assert "same version" in add(feed, msgspec.structs.replace(one, tlp="red")).refused[0].reason
    assert held(feed) == [(one, "A")]


def test_an_expired_bulletin_is_not_used(tmp_path: Path) -> None:
    feed, one = Feed(tmp_path), bulletin(1, expires=DAY)
    add(feed, one)
    assert held(feed) == [(one, "A")]
    assert held(feed, DAY + dt.timedelta(days=1)) == []


def test_others_indicators_are_beside_with_their_source_until_they_expire(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    asn = ForeignIndicator("asn", "64500", "indicator--1", None)
    ja4 = ForeignIndicator("ja4", "t13d1516h2_8daaf6152771_02713d6af862", "indicator--2", DAY)
    assert feed.add(document(foreign=(asn, ja4)), source="A").indicators == 2
    assert feed.add(document(foreign=(asn,)), source="A").indicators == 0
    assert feed.add(document(foreign=(asn,)), source="B").indicators == 1
    assert held(feed) == []
    assert [(one.indicator, one.source) for one in feed.indicators(DAY)] == [(asn, "A"), (ja4, "A"), (asn, "B")]
    assert [one.indicator for one in feed.indicators(DAY + dt.timedelta(days=1))] == [asn, asn]
    feed.add(document(), source="A", about=["indicator--1", "indicator--7"])
    assert [(one.indicator, one.source) for one in feed.indicators(DAY)] == [(ja4, "A"), (asn, "B")]


def test_a_source_that_floods_the_feed_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BULLETINS", 2)
    monkeypatch.setattr(module, "MOST_OBJECTS", 3)
    feed = Feed(tmp_path)
    added = add(feed, *(bulletin(number) for number in range(5)))
    assert (added.new, len(added.refused)) == (2, 3)
    assert add(feed, bulletin(9), source="B").new == 1
    many = tuple(ForeignIndicator("asn", str(number), "indicator--1", None) for number in range(4))
    assert "more than 3 indicators" in feed.add(document(foreign=many), source="A").refused[0].reason
    assert feed.indicators(DAY) == ()


def test_taking_back_much_at_once_writes_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, many = Feed(tmp_path), [bulletin(number) for number in range(60)]
    add(feed, *many)
    written: list[Path] = []

    def counted(path: Path, data: bytes) -> None:
        written.append(path)
        write_whole(path, data)

    monkeypatch.setattr(module, "write_whole", counted)
    assert add(feed, *(changed(one, revoked=True) for one in many)).revoked == 60
    assert written == [feed.place("A") / "source.json"]
    assert held(feed) == []
    assert [path.name for path in feed.place("A").iterdir()] == ["source.json"]
    monkeypatch.setattr(module, "MOST_WITHDRAWN", 60)
    assert "took back" in add(feed, bulletin(99, revoked=True)).refused[0].reason


def test_what_a_format_let_through_by_mistake_does_not_come_in(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    naive = bulletin(1, created=dt.datetime(2026, 11, 20), modified=dt.datetime(2026, 11, 20))
    evil = bulletin(2, id="../../evil")
    added = add(feed, naive, evil, bulletin(3))
    assert (added.new, len(added.refused)) == (1, 2)
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("name", ["", "a" * 201, "a\nb", "\x1b[2J"])
def test_a_source_has_a_name_that_can_be_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        add(Feed(tmp_path), source=name)


def test_sources_with_like_names_have_their_own_places(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    names = ["a/b", "a b", "../x", "..", "é", "ü", "A B"]
    for number, name in enumerate(names):
        assert add(feed, bulletin(number), source=name).new == 1
        assert feed.place(name).parent == tmp_path / "sources"
    assert sorted(source for _, source in held(feed)) == sorted(names)


def test_a_damaged_file_is_one_line_that_says_which(tmp_path: Path) -> None:
    feed, one, two = Feed(tmp_path), bulletin(1), bulletin(2)
    add(feed, one, two)
    path = feed.place("A") / f"{one.id}.json"
    for content in (b"{", FORMAT.encode((two,)), FORMAT.encode(())):
        path.write_bytes(content)
        with pytest.raises(InputError, match=one.id):
            feed.bulletins(DAY)
    path.unlink()
    assert add(feed, one).new == 1
    (feed.place("A") / "source.json").write_text("[]")
    with pytest.raises(InputError, match=r"source\.json: is no file of a feed"):
        feed.bulletins(DAY)


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        add(Feed(tmp_path / "file"), bulletin(1))


def test_several_additions_at_once_lose_nothing(tmp_path: Path) -> None:
    def work(name: str) -> None:
        for number in range(8):
            add(Feed(tmp_path), bulletin(number), source=name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("A", "B", "C")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.id for one, _ in held(Feed(tmp_path))] == [bulletin(number).id for number in range(8)]


ADDING = """
import sys
from pathlib import Path
from stillwatch.sharing.base import Decoded
from stillwatch.sharing.feed import Feed
from stillwatch.storage.whole import write_whole
from tests.sharing.told import bulletin, changed
feed = Feed(Path(sys.argv[1]))
print("go", flush=True)
for hours in range(1, 10_000):
    feed.add(Decoded(tuple(changed(bulletin(n), hours) for n in range(3)), (), {}, ()), source="A")
"""


def test_an_addition_that_is_killed_leaves_a_feed_that_can_be_read(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    for wait in (0.05, 0.11, 0.17):
        process = subprocess.Popen(
            [sys.executable, "-c", ADDING, str(tmp_path)], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for received, _ in held(Feed(tmp_path)):
            assert received.id in {bulletin(number).id for number in range(3)}
    last = tuple(changed(bulletin(number), 20_000) for number in range(3))
    add(Feed(tmp_path), *last)
    assert tuple(one for one, _ in held(Feed(tmp_path))) == last
