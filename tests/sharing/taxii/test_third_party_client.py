"""Clients of others against our server: taxii2-client, and stix2's source and sink on top of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import stix2
from requests.exceptions import HTTPError
from taxii2client.common import TokenAuth
from taxii2client.exceptions import AccessError
from taxii2client.v21 import ApiRoot, Collection, Server, Status, as_pages

from tests.sharing.taxii.offered import BULLETINS, DROPS, Served, identifier, indicator, observable


def server_of(served: Served, user: str = "alpha") -> Server:
    return Server(f"{served.url}/taxii2/", user=user, password=served.secrets[user])


def collection_of(served: Served, user: str = "alpha", identifier: str = BULLETINS) -> Collection:
    url = served.url + served.collection(identifier)
    return Collection(url, user=user, password=served.secrets[user])


def test_it_discovers_roots_and_collections(served: Served) -> None:
    server = server_of(served)
    assert (server.title, server.description, server.contact) == ("Test exchange", "for tests", "tests")
    (root,) = server.api_roots
    assert server.default is root
    assert (root.title, root.max_content_length) == ("Peers", 65536)
    assert root.versions == ["application/taxii+json;version=2.1"]
    assert [(c.id, c.can_read, c.can_write) for c in root.collections][:2] == [
        (BULLETINS, True, True),
        (DROPS, True, True),
    ]
    assert root.collections[0].media_types == ["application/stix+json;version=2.1", "application/stix+json;version=2.0"]
    assert isinstance(root, ApiRoot)
    assert root.collections[0].custom_properties == {}


def test_it_adds_objects_and_reads_their_status(served: Served) -> None:
    collection = collection_of(served)
    status = collection.add_objects({"objects": [indicator(1), observable(2), {**indicator(3), "modified": "no"}]})
    assert (status.status, status.total_count, status.success_count, status.failure_count) == ("complete", 3, 2, 1)
    assert status.failures[0]["id"] == identifier("indicator", 3)
    again = Status(f"{served.url}/peers/status/{status.id}/", user="alpha", password=served.secrets["alpha"])
    assert again.successes == status.successes
    assert bool(again)


def test_it_gets_objects_with_every_filter(served: Served) -> None:
    collection = collection_of(served)
    later = "2026-11-02T00:00:00.000Z"
    collection.add_objects({"objects": [indicator(1), indicator(2), observable(3)]})
    middle = collection.get_manifest()["objects"][-1]["date_added"]
    collection.add_objects({"objects": [indicator(1, later)]})

    def names(**filters: Any) -> list[str]:
        return [one["id"] for one in collection.get_objects(**filters).get("objects", [])]

    one, two, three = identifier("indicator", 1), identifier("indicator", 2), identifier("autonomous-system", 3)
    assert names() == [two, three, one]
    assert names(type="indicator") == [two, one]
    assert names(id=[one, three]) == [three, one]
    assert names(version="all", id=one) == [one, one]
    assert names(version=["first", later], id=one) == [one, one]
    assert names(version=dt.datetime(2026, 11, 2, tzinfo=dt.UTC)) == [one]
    assert names(added_after=middle) == [one]
    assert names(spec_version="2.0") == []


@pytest.mark.parametrize("per_request", [1, 3, 100])
def test_it_goes_through_all_pages(served: Served, per_request: int) -> None:
    collection = collection_of(served)
    collection.add_objects({"objects": [indicator(number) for number in range(10)]})
    expected = [identifier("indicator", number) for number in range(10)]
    for function in (collection.get_objects, collection.get_manifest):
        pages = list(as_pages(function, per_request=per_request))
        assert [one["id"] for page in pages for one in page["objects"]] == expected
        assert len(pages) == -(-10 // per_request)


def test_it_gets_versions_and_deletes_one_object(served: Served) -> None:
    collection = collection_of(served)
    collection.add_objects({"objects": [indicator(1), indicator(1, "2026-11-02T00:00:00.000Z"), indicator(2)]})
    one = identifier("indicator", 1)
    assert collection.get_object(one)["objects"][0]["modified"] == "2026-11-02T00:00:00.000Z"
    assert len(collection.get_object(one, version="all")["objects"]) == 2
    assert collection.object_versions(one)["versions"] == ["2026-11-01T00:00:00.000Z", "2026-11-02T00:00:00.000Z"]
    collection.delete_object(one, version="2026-11-02T00:00:00.000Z")
    assert collection.object_versions(one)["versions"] == ["2026-11-01T00:00:00.000Z"]
    collection.delete_object(one)
    with pytest.raises(HTTPError) as error:
        collection.get_object(one)
    assert error.value.response.status_code == 404
    assert [row["id"] for row in collection.get_manifest()["objects"]] == [identifier("indicator", 2)]


def test_it_heeds_rights_and_log_ins(served: Served) -> None:
    with pytest.raises(AccessError):
        collection_of(served, "beta").add_objects({"objects": [indicator(1)]})
    with pytest.raises(AccessError):
        collection_of(served, "gamma").get_objects()
    with pytest.raises(HTTPError) as error:
        Server(f"{served.url}/taxii2/", user="alpha", password="wrong").title  # noqa: B018
    assert error.value.response.status_code == 401
    with pytest.raises(HTTPError):
        Server(f"{served.url}/taxii2/", auth=TokenAuth(served.secrets["alpha"])).title  # noqa: B018


def test_stix2_sink_and_source_work_on_it(served: Served) -> None:
    collection = collection_of(served)
    made = stix2.v21.Indicator(
        name="a network",
        pattern="[autonomous-system:number = 64500]",
        pattern_type="stix",
        valid_from="2026-11-01T00:00:00Z",
    )
    campaign = stix2.v21.Campaign(name="copying")
    link = stix2.v21.Relationship(made, "indicates", campaign)
    sink = stix2.TAXIICollectionSink(collection)
    sink.add(stix2.v21.Bundle(made, campaign, link))
    sink.add(made.new_version(name="a network, again"))
    source = stix2.TAXIICollectionSource(collection)
    assert source.get(made.id).name == "a network, again"
    assert len(source.all_versions(made.id)) == 2
    assert [one.id for one in source.query([stix2.Filter("type", "=", "campaign")])] == [campaign.id]
    assert source.get(stix2.v21.Campaign(name="x").id) is None
    sink.add(made.new_version(name="wrong").revoke())
    assert source.get(made.id).revoked
    store = stix2.TAXIICollectionStore(collection)
    assert {one.id for one in store.query()} == {made.id, campaign.id, link.id}
