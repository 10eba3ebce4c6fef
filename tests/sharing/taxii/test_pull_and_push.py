"""From one provider's bulletin to another's feed, over a server of ours or of others: every version, and taken back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.errors import InputError, PeerError
from stillwatch.sharing.bulletin import Bulletin
from stillwatch.sharing.feed import Feed
from stillwatch.sharing.formats.own import FORMAT
from tests.sharing.taxii.offered import BULLETINS, DROPS, Served, added, identifier, indicator
from tests.sharing.taxii.peers_served import MEDALLION_PASSWORD, login, medallion, pulled, pushed
from tests.sharing.told import DAY, bulletin, changed


def written(path: Path, *bulletins: Bulletin) -> Path:
    path.write_bytes(FORMAT.encode(bulletins))
    return path


def bundle(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_bytes(msgspec.json.encode({"type": "bundle", "id": identifier("bundle", 1), "objects": list(objects)}))
    return path


def held(feed: Path) -> list[Bulletin]:
    return [received.bulletin for received in Feed(feed).bulletins(DAY)]


def places(served: Served) -> list[str]:
    return [f"{served.url}/taxii2/", served.url, f"{served.url}/peers/"]


def test_a_bulletin_travels_is_updated_and_is_taken_back(served: Served, tmp_path: Path) -> None:
    alpha, beta = (login(name, served.secrets[name]) for name in ("alpha", "beta"))
    url, feed, one, two = f"{served.url}/taxii2/", tmp_path / "feed", bulletin(1), bulletin(2)
    sent = pushed(url, alpha, BULLETINS, written(tmp_path / "v1.json", one, two))
    assert (sent.accepted > 2, sent.refused, sent.title) == (True, (), "Bulletins")
    first = pulled(url, beta, BULLETINS, feed)
    assert (first.added.new, first.added.refused) == (2, ())
    assert held(feed) == [one, two]
    again = pulled(url, beta, BULLETINS, feed)
    assert (again.added.new, again.added.updated, again.added.revoked) == (0, 0, 0)
    later = changed(two, tlp="amber")
    pushed(url, alpha, BULLETINS, written(tmp_path / "v2.json", changed(one, revoked=True), later))
    last = pulled(url, beta, BULLETINS, feed)
    assert (last.added.updated, last.added.revoked) == (1, 1)
    assert held(feed) == [later]
    fresh = tmp_path / "fresh"
    assert pulled(url, beta, BULLETINS, fresh).added.new == 1
    assert held(fresh) == [later]


def test_against_the_reference_server_of_oasis_a_bulletin_travels_too(tmp_path: Path) -> None:
    offered = [collection(BULLETINS), collection(DROPS)]
    alpha, feed, one = login("alpha", MEDALLION_PASSWORD), tmp_path / "feed", bulletin(1)
    with medallion(tmp_path / "medallion", offered) as url:
        path = written(tmp_path / "v1.json", one, *(bulletin(number) for number in range(2, 8)))
        sent = pushed(f"{url}/taxii2/", alpha, BULLETINS, path)
        assert sent.refused == ()
        assert pushed(f"{url}/taxii2/", alpha, BULLETINS, path) == sent  # it calls what it has a failure; we look
        first = pulled(f"{url}/taxii2/", alpha, BULLETINS, feed)
        assert first.objects > 20  # more than a page
        assert (first.added.new, first.added.refused, first.notes) == (7, (), ())
        pushed(f"{url}/taxii2/", alpha, BULLETINS, written(tmp_path / "v2.json", changed(one, revoked=True)))
        assert pulled(f"{url}/taxii2/", alpha, BULLETINS, feed).added.revoked == 1
        assert held(feed) == [bulletin(number) for number in range(2, 8)]
        with pytest.raises(PeerError, match="has no collection"):
            pulled(f"{url}/taxii2/", alpha, "nowhere", feed)
        with pytest.raises(PeerError, match="answers 401"):
            pulled(f"{url}/taxii2/", login("alpha", "wrong-secret"), BULLETINS, feed)


def collection(identifier: str) -> dict[str, object]:
    return {
        "id": identifier,
        "title": "Bulletins",
        "can_read": True,
        "can_write": True,
        "media_types": ["application/stix+json;version=2.1"],
        "objects": [],
        "manifest": [],
    }


def test_objects_of_a_bundle_reach_the_reference_server_as_they_are(tmp_path: Path) -> None:
    alpha = login("alpha", MEDALLION_PASSWORD)
    with medallion(tmp_path / "medallion", [collection(BULLETINS)]) as url:
        path = bundle(tmp_path / "b.json", *(indicator(number) for number in range(45)))
        assert pushed(f"{url}/peers/", alpha, BULLETINS, path).accepted == 45


def test_every_way_to_write_the_address_and_the_collection_works(served: Served, tmp_path: Path) -> None:
    alpha = login("alpha", served.secrets["alpha"])
    pushed(served.url, alpha, "bulletins", written(tmp_path / "b.json", bulletin(1)))
    for number, url in enumerate(places(served)):
        for name in (BULLETINS, "bulletins"):
            assert pulled(url, alpha, name, tmp_path / f"feed{number}{name}").added.new == 1


def test_two_collections_have_states_and_sources_of_their_own(served: Served, tmp_path: Path) -> None:
    alpha, feed = login("alpha", served.secrets["alpha"]), tmp_path / "feed"
    pushed(served.url, alpha, BULLETINS, written(tmp_path / "1.json", bulletin(1)))
    pushed(served.url, alpha, DROPS, written(tmp_path / "2.json", bulletin(2)))
    for name in (BULLETINS, DROPS):
        assert pulled(served.url, alpha, name, feed).added.new == 1
    assert len(list((feed / "pulled").glob("*.json"))) == 2
    host = served.url.removeprefix("http://")
    assert {one.source for one in Feed(feed).bulletins(DAY)} == {f"{host}/{BULLETINS}", f"{host}/{DROPS}"}


def test_a_source_that_was_taken_out_of_the_feed_is_read_from_its_beginning(served: Served, tmp_path: Path) -> None:
    alpha, feed = login("alpha", served.secrets["alpha"]), tmp_path / "feed"
    pushed(served.url, alpha, BULLETINS, written(tmp_path / "1.json", bulletin(1)))
    assert pulled(served.url, alpha, BULLETINS, feed, source="Peer").added.new == 1
    shutil.rmtree(Feed(feed).place("Peer"))
    assert held(feed) == []
    assert pulled(served.url, alpha, BULLETINS, feed, source="Peer").added.new == 1
    assert held(feed) == [bulletin(1)]


def test_indicators_of_others_come_change_and_go_with_their_objects(served: Served, tmp_path: Path) -> None:
    alpha, feed, path = login("alpha", served.secrets["alpha"]), tmp_path / "feed", served.collection()
    added(served.client(), path, indicator(1), indicator(2))
    assert pulled(served.url, alpha, BULLETINS, feed, source="Peer").added.indicators == 2
    later = "2026-11-02T00:00:00.000Z"
    added(served.client(), path, indicator(1, later, revoked=True))
    added(served.client(), path, indicator(2, later, pattern="[autonomous-system:number = 64510]"))
    pulled(served.url, alpha, BULLETINS, feed, source="Peer")
    kept = [(one.indicator.kind, one.indicator.value, one.source) for one in Feed(feed).indicators(DAY)]
    assert kept == [("asn", "64510", "Peer")]


def test_a_round_that_is_cut_short_begins_again_where_the_last_one_ended(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, feed = login("alpha", served.secrets["alpha"]), tmp_path / "feed"
    pushed(served.url, alpha, BULLETINS, written(tmp_path / "1.json", bulletin(1)))
    pulled(served.url, alpha, BULLETINS, feed)
    (state,) = (feed / "pulled").glob("*.json")
    before = state.read_bytes()
    pushed(served.url, alpha, BULLETINS, written(tmp_path / "2.json", bulletin(2)))

    def full(self: Feed, *rest: object, **more: object) -> None:
        raise InputError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Feed, "add", full)
        with pytest.raises(InputError, match="the disk is gone"):
            pulled(served.url, alpha, BULLETINS, feed)
    assert state.read_bytes() == before
    assert pulled(served.url, alpha, BULLETINS, feed).added.new == 1
    assert state.read_bytes() != before


def test_one_object_that_spoils_a_bundle_keeps_no_other_out(served: Served, tmp_path: Path) -> None:
    alpha, gamma = login("alpha", served.secrets["alpha"]), served.client("gamma")
    times = {"created": "2026-11-01T00:00:00.000Z", "modified": "2026-11-01T00:00:00.000Z", "spec_version": "2.1"}
    ends = identifier("campaign", 1), identifier("campaign", 2)
    for number, (source, target) in enumerate((ends, ends[::-1])):
        circle = {"type": "relationship", "id": identifier("relationship", number), "relationship_type": "derived-from"}
        added(gamma, served.collection(), {**circle, **times, "source_ref": source, "target_ref": target})
    pushed(served.url, alpha, BULLETINS, written(tmp_path / "b.json", bulletin(1)))
    added(gamma, served.collection(), {**indicator(5), "pattern": "[" * 5000})
    pulled(served.url, alpha, BULLETINS, tmp_path / "feed")
    assert held(tmp_path / "feed") == [bulletin(1)]


def test_what_a_server_refuses_is_told_one_by_one(served: Served, tmp_path: Path) -> None:
    alpha = login("alpha", served.secrets["alpha"])
    path = bundle(tmp_path / "b.json", indicator(1), {**indicator(2), "modified": "no"}, indicator(3))
    sent = pushed(served.url, alpha, BULLETINS, path)
    assert (sent.accepted, sent.refused) == (
        2,
        ((identifier("indicator", 2), "unknown", "has a time modified that is no timestamp"),),
    )


def test_much_is_sent_in_parts_that_the_server_takes(served: Served, tmp_path: Path) -> None:
    alpha = login("alpha", served.secrets["alpha"])
    objects = [indicator(number, note="x" * 20_000) for number in range(12)]
    path = bundle(tmp_path / "b.json", *objects, indicator(99, note="x" * 70_000))  # it takes 64 KiB at once
    sent = pushed(served.url, alpha, BULLETINS, path)
    assert sent.accepted == 12
    assert "is larger than the 65536 bytes" in sent.refused[0][2]
    assert len(served.client().get(f"{served.collection()}manifest/").json()["objects"]) == 12


def test_rights_are_told_before_anything_is_sent(served: Served, tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.json", indicator(1))
    with pytest.raises(PeerError, match="does not let this log-in write"):
        pushed(served.url, login("beta", served.secrets["beta"]), BULLETINS, path)
    with pytest.raises(PeerError, match="does not let this log-in read"):
        pulled(served.url, login("gamma", served.secrets["gamma"]), BULLETINS, tmp_path / "feed")
    with pytest.raises(PeerError, match="has no collection"):
        pulled(served.url, login("delta", served.secrets["delta"]), BULLETINS, tmp_path / "feed")
    with pytest.raises(PeerError, match="--login"):
        pulled(served.url, None, BULLETINS, tmp_path / "feed")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"{", b'{"type": "bundle"}', b'{"type": "bundle", "objects": []}', FORMAT.encode(()), b"\xff" * 9],
)
def test_a_file_that_holds_nothing_to_send_is_one_line(served: Served, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.json"):
        pushed(
            served.url, login("alpha", served.secrets["alpha"]), BULLETINS, bundle(tmp_path / "b", indicator(1)), path
        )
    assert served.client().get(f"{served.collection()}objects/").json() == {}


def test_a_damaged_state_is_one_line(served: Served, tmp_path: Path) -> None:
    alpha, feed = login("alpha", served.secrets["alpha"]), tmp_path / "feed"
    pulled(served.url, alpha, BULLETINS, feed)
    added(served.client(), served.collection(), indicator(1))
    pulled(served.url, alpha, BULLETINS, feed)
    (state,) = (feed / "pulled").glob("*.json")
    state.write_text("{")
    with pytest.raises(InputError, match="delete it"):
        pulled(served.url, alpha, BULLETINS, feed)


def test_what_is_for_the_persons_addressed_is_not_put_into_a_collection(served: Served, tmp_path: Path) -> None:
    alpha = login("alpha", served.secrets["alpha"])
    red = written(tmp_path / "red.json", bulletin(1), changed(bulletin(2), tlp="red"))
    marked = indicator(1) | {"object_marking_refs": ["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]}
    for document in (red, bundle(tmp_path / "theirs.json", marked)):
        with pytest.raises(InputError, match="TLP:RED"):
            pushed(f"{served.url}/taxii2/", alpha, BULLETINS, document)
