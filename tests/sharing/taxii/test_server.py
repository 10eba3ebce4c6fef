"""The endpoints, over a real socket: what the standard says of each, statement by statement (docs/sharing-taxii.md)."""

from __future__ import annotations

import re
import uuid

import pytest

from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from tests.sharing.taxii.offered import (
    BOARD,
    BULLETINS,
    DROPS,
    OTHERS,
    Served,
    basic,
    indicator,
)

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
FIRST, LAST = "x-taxii-date-added-first", "x-taxii-date-added-last"


def test_discovery_is_at_the_root_and_names_only_roots_that_a_user_has(served: Served) -> None:
    told = served.client().get("/taxii2/")
    assert told.status_code == 200
    assert told.headers["content-type"] == MEDIA_TYPE
    assert told.json() == {
        "title": "Test exchange",
        "description": "for tests",
        "contact": "tests",
        "default": "/peers/",
        "api_roots": ["/peers/"],
    }
    assert served.client("delta").get("/taxii2/").json()["api_roots"] == ["/others/"]


def test_an_api_root_tells_versions_and_the_longest_request(served: Served) -> None:
    told = served.client().get("/peers/").json()
    assert told == {
        "title": "Peers",
        "description": "of tests",
        "versions": ["application/taxii+json;version=2.1"],
        "max_content_length": 65536,
    }
    assert served.client().get("/others/").status_code == 404
    assert served.client().get("/nowhere/").status_code == 404


def test_collections_tell_rights_of_who_asks_in_a_steady_order(served: Served) -> None:
    told = served.client().get("/peers/collections/").json()["collections"]
    assert [one["id"] for one in told] == [BULLETINS, DROPS, BOARD]
    assert told == served.client().get("/peers/collections/").json()["collections"]
    assert (told[0]["can_read"], told[0]["can_write"], told[0]["alias"]) == (True, True, "bulletins")
    beta = served.client("beta").get("/peers/collections/").json()["collections"]
    assert (beta[0]["can_read"], beta[0]["can_write"]) == (True, False)
    gamma = served.client("gamma").get("/peers/collections/").json()["collections"]
    assert [(one["id"], one["can_read"], one["can_write"]) for one in gamma] == [
        (BULLETINS, False, True),
        (DROPS, False, True),
    ]
    one = served.client().get(served.collection())
    assert one.json() == told[0]
    assert served.client().get("/peers/collections/bulletins/").json() == told[0]
    assert uuid.UUID(told[0]["id"]).version == 4
    assert served.client().get(served.collection(OTHERS)).status_code == 404


def test_without_a_log_in_there_is_a_challenge_and_nothing_else(served: Served) -> None:
    client = served.client(None)
    for path in ("/taxii2/", "/peers/", "/nowhere/", "/peers/collections/", f"{served.collection()}objects/"):
        told = client.get(path)
        assert told.status_code == 401
        assert told.headers["www-authenticate"].startswith("Basic realm=")
        assert "Bearer" in told.headers["www-authenticate"]
        assert set(told.json()) == {"title", "http_status"}
    wrong = served.client(None, authorization=basic("alpha", "guess")).get("/taxii2/")
    assert wrong.status_code == 401
    nobody = served.client(None, authorization=basic("nobody", "guess")).get("/taxii2/")
    assert (nobody.status_code, nobody.json()) == (401, wrong.json())


def test_basic_and_bearer_both_log_in(served: Served) -> None:
    secret = served.secrets["alpha"]
    for header in (basic("alpha", secret), f"Bearer alpha.{secret}", f"bearer alpha.{secret}"):
        assert served.client(None, authorization=header).get("/taxii2/").status_code == 200
    for header in (
        f"Bearer beta.{secret}",
        f"Bearer {secret}",
        f"Token alpha.{secret}",
        "Basic",
        "Basic !",
        "Bearer .",
    ):
        assert served.client(None, authorization=header).get("/taxii2/").status_code == 401


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/taxii+json;version=2.1", 200),
        ("application/taxii+json", 200),
        ("application/taxii+json; version=2.1, application/stix+json;version=2.1", 200),
        ('text/html, Application/TAXII+JSON ; version="2.1";q=0.5', 200),
        ("application/taxii+json;version=2.0", 406),
        ("application/vnd.oasis.taxii+json", 406),
        ("application/taxii+json;version=2.1;q=0", 406),
        ("*/*", 406),
        ("", 406),
    ],
)
def test_accept_decides_whether_there_is_an_answer(served: Served, accept: str, status: int) -> None:
    told = served.client(accept=accept).get("/taxii2/")
    assert told.status_code == status
    assert told.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/taxii+json;version=2.1", 202),
        ("application/taxii+json", 202),
        ("application/taxii+json; version=2.0", 415),
        ("application/json", 415),
        ("application/stix+json;version=2.1", 415),
    ],
)
def test_content_type_decides_whether_a_post_is_read(served: Served, content_type: str, status: int) -> None:
    path = f"{served.collection()}objects/"
    told = served.client().post(path, json={"objects": [indicator(1)]}, headers={"content-type": content_type})
    assert told.status_code == status
    packed = {"content-type": MEDIA_TYPE, "content-encoding": "gzip"}
    assert served.client().post(path, content=b"x", headers=packed).status_code == 415


def test_a_path_without_its_slash_is_no_endpoint_and_errors_are_taxii_errors(served: Served) -> None:
    for path, status in (("/taxii2", 404), ("/peers/collections", 404), ("/peers/what/", 404)):
        told = served.client().get(path)
        assert told.status_code == status
        assert told.headers["content-type"] == MEDIA_TYPE
        assert told.json()["http_status"] == str(status)
        assert isinstance(told.json()["title"], str)
    told = served.client().delete("/peers/collections/")
    assert told.status_code == 405
    assert told.headers["content-type"] == MEDIA_TYPE


def test_nothing_of_a_request_comes_back_in_an_error(served: Served) -> None:
    evil, sent = "<b>zounds</b>", {"content-type": MEDIA_TYPE}
    client, objects = served.client(), f"{served.collection()}objects/"
    answers = [
        client.get(f"/{evil}/"),
        client.get(f"/peers/collections/{evil}/"),
        client.get(f"{objects}{evil}/"),
        client.get(objects, params={"match[type]": evil}),
        client.get(objects, params={"next": evil}),
        client.get(objects, params={"added_after": evil}),
        client.post(objects, content=evil.encode(), headers=sent),
        client.post(objects, json={"objects": [dict.fromkeys(("type", "id", "modified"), evil)]}, headers=sent),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 400, 400, 400, 422, 202]
    for answer in answers:
        assert "zounds" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
