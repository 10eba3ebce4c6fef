"""Objects of a collection over a real socket: pages, adding, rights, versions, deleting (docs/sharing-taxii.md)."""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec
import pytest

from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from tests.sharing.taxii.offered import (
    BOARD,
    DROPS,
    Served,
    added,
    identifier,
    indicator,
    observable,
)

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
FIRST, LAST = "x-taxii-date-added-first", "x-taxii-date-added-last"


def test_objects_come_in_the_order_in_which_they_were_added_with_their_dates(served: Served) -> None:
    client, path = served.client(), served.collection()
    for number in (3, 1, 2):
        added(client, path, indicator(number))
    told = client.get(f"{path}objects/")
    assert [one["name"] for one in told.json()["objects"]] == ["indicator 3", "indicator 1", "indicator 2"]
    assert told.json()["objects"][0] == indicator(3)
    assert "more" not in told.json()
    manifest = client.get(f"{path}manifest/")
    dates = [one["date_added"] for one in manifest.json()["objects"]]
    assert dates == sorted(set(dates))
    for answer in (told, manifest):
        assert (answer.headers[FIRST], answer.headers[LAST]) == (dates[0], dates[-1])
    assert all(STAMP.fullmatch(date) for date in dates)
    assert manifest.json()["objects"][0] == {
        "id": identifier("indicator", 3),
        "date_added": dates[0],
        "version": "2026-11-01T00:00:00.000Z",
        "media_type": "application/stix+json;version=2.1",
    }


def test_an_empty_answer_is_an_empty_resource_with_its_dates(served: Served) -> None:
    for what in ("objects", "manifest"):
        told = served.client().get(f"{served.collection()}{what}/")
        assert (told.status_code, told.json()) == (200, {})
        assert STAMP.fullmatch(told.headers[FIRST])
        after = "2026-11-28T00:00:00.000001Z"
        told = served.client().get(f"{served.collection()}{what}/", params={"added_after": after})
        assert told.headers[LAST] == after


def test_pages_by_next_and_by_date_give_everything_once(served: Served) -> None:
    client, path = served.client(), served.collection()
    added(client, path, *(indicator(number) for number in range(25)))
    everything = [identifier("indicator", number) for number in range(25)]
    for what in ("objects", "manifest"):
        for by_next in (True, False):
            got: list[str] = []
            asked: dict[str, Any] = {"limit": 10}
            while True:
                told = client.get(f"{path}{what}/", params=asked)
                page = told.json()
                assert len(page["objects"]) <= 10
                got += [one["id"] for one in page["objects"]]
                if not page.get("more"):
                    break
                asked |= {"next": page["next"]} if by_next else {"added_after": told.headers[LAST]}
            assert got == everything
    assert len(client.get(f"{path}objects/", params={"limit": 25}).json()["objects"]) == 25
    assert "more" not in client.get(f"{path}objects/", params={"limit": 25}).json()


def test_the_server_has_a_limit_of_its_own(served: Served) -> None:
    client, path = served.client(), served.collection()
    for start in (0, 75):
        added(client, path, *(indicator(number) for number in range(start, start + 75)))
    told = client.get(f"{path}objects/", params={"limit": 5000}).json()
    assert (len(told["objects"]), told["more"]) == (100, True)


def test_a_cursor_that_somebody_invents_shows_nothing_that_the_query_would_not(served: Served) -> None:
    client, path = served.client(), served.collection()
    added(client, path, *(indicator(number) for number in range(4)))
    dates = [one["date_added"] for one in client.get(f"{path}manifest/").json()["objects"]]
    asked = {"added_after": dates[2], "next": "0"}
    assert [one["name"] for one in client.get(f"{path}objects/", params=asked).json()["objects"]] == ["indicator 3"]
    assert client.get(f"{path}objects/", params={"next": "9" * 18}).json() == {}
    for wrong in ("-1", "1 OR 1=1", "9" * 40, "", "0x10", "٣"):
        assert client.get(f"{path}objects/", params={"next": wrong}).status_code == 400


def test_a_status_is_its_senders_alone(served: Served) -> None:
    status = added(served.client(), served.collection(), indicator(1))
    told = served.client().get(f"/peers/status/{status['id']}/")
    assert (told.status_code, told.json(), told.headers["content-type"]) == (200, status, MEDIA_TYPE)
    assert uuid.UUID(status["id"]).version == 4
    assert served.client("beta").get(f"/peers/status/{status['id']}/").status_code == 404
    assert served.client().get(f"/peers/status/{uuid.uuid4()}/").status_code == 404


def test_each_object_of_a_post_succeeds_or_fails_by_itself(served: Served) -> None:
    client, path = served.client(), served.collection()
    bad: list[Any] = [
        7,
        {"type": "indicator"},
        {**indicator(9), "id": "indicator--9"},
        {**indicator(9), "type": "malware"},
        {**indicator(9), "modified": "yesterday"},
        {**indicator(9), "spec_version": "3.0"},
        {**indicator(9), "created": 5},
        {"type": "bundle", "id": identifier("bundle", 1), "objects": []},
    ]
    status = added(client, path, indicator(1), *bad, observable(2))
    assert (status["total_count"], status["success_count"], status["failure_count"]) == (10, 2, 8)
    assert status["pending_count"] == 0
    assert status["status"] == "complete"
    assert STAMP.fullmatch(status["request_timestamp"])
    assert {one["id"] for one in status["successes"]} == {indicator(1)["id"], observable(2)["id"]}
    assert status["successes"][0]["version"] == "2026-11-01T00:00:00.000Z"
    assert all(one["message"] and one["id"] and one["version"] for one in status["failures"])
    assert len(client.get(f"{path}objects/").json()["objects"]) == 2


def test_a_duplicate_is_no_failure_and_comes_once(served: Served) -> None:
    client, path = served.client(), served.collection()
    again = dict(reversed(indicator(1).items()))
    for one in (indicator(1), indicator(1), again, observable(1), observable(1)):
        assert added(client, path, one)["failure_count"] == 0
    assert len(client.get(f"{path}objects/", params={"match[version]": "all"}).json()["objects"]) == 2
    other = added(client, path, {**indicator(1), "name": "another"})
    assert other["failures"][0]["message"] == "another object with this id and version is here"
    assert client.get(f"{path}objects/").json()["objects"][0]["name"] == "indicator 1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"objects": []}',
        b'{"objects": {"type": "indicator"}}',
        b"\xff",
        b'{"objects": [' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"]}",
        b"[" * 60_000,
        b'{"objects": [1e999]}',
    ],
)
def test_a_body_that_is_no_envelope_is_refused_whole(served: Served, body: bytes) -> None:
    client, path = served.client(), f"{served.collection()}objects/"
    told = client.post(path, content=body, headers={"content-type": MEDIA_TYPE})
    assert told.status_code == 422
    assert told.headers["content-type"] == MEDIA_TYPE
    assert client.get(path).json() == {}


def test_a_bundle_or_an_envelope_with_custom_properties_is_taken(served: Served) -> None:
    body = {"type": "bundle", "id": identifier("bundle", 1), "x_example_com_note": {"a": 1}, "objects": [indicator(1)]}
    told = served.client().post(f"{served.collection()}objects/", json=body, headers={"content-type": MEDIA_TYPE})
    assert (told.status_code, told.json()["success_count"]) == (202, 1)


def test_a_request_up_to_max_content_length_is_read_and_a_longer_one_is_not(served: Served) -> None:
    client, path = served.client(), f"{served.collection()}objects/"
    head = {"content-type": MEDIA_TYPE}
    body = b'{"objects": [' + msgspec.json.encode(indicator(1)) + b"]"
    most = 65536
    told = client.post(path, content=body + b" " * (most - len(body) - 1) + b"}", headers=head)
    assert told.status_code == 202
    told = client.post(path, content=body + b" " * (most - len(body)) + b"}", headers=head)
    assert (told.status_code, told.json()["http_status"]) == (413, "413")
    told = client.post(path, content=iter([body, b" " * most, b"}"]), headers=head)  # chunked: no length is declared
    assert told.status_code == 413


@pytest.mark.parametrize(
    ("user", "read", "write", "delete"),
    [("alpha", 200, 202, 200), ("beta", 200, 403, 403), ("gamma", 403, 202, 403), ("delta", 404, 404, 404)],
)
def test_rights_decide_what_is_forbidden_and_what_is_not_even_there(
    served: Served, user: str, read: int, write: int, delete: int
) -> None:
    path = served.collection()
    added(served.client(), path, indicator(1))
    client, object_path = served.client(user), f"{path}objects/{identifier('indicator', 1)}/"
    for what in ("objects/", "manifest/", f"objects/{identifier('indicator', 1)}/"):
        assert client.get(path + what).status_code == read
    assert client.get(f"{object_path}versions/").status_code == read
    posted = client.post(f"{path}objects/", json={"objects": [indicator(2)]}, headers={"content-type": MEDIA_TYPE})
    assert posted.status_code == write
    assert client.delete(object_path).status_code == delete


def test_deleting_takes_an_object_out_of_everything(served: Served) -> None:
    client, path = served.client(), served.collection()
    added(client, path, indicator(1), indicator(1, "2026-11-02T00:00:00.000Z"), indicator(2))
    one = f"{path}objects/{identifier('indicator', 1)}/"
    for query in ({"match[type]": "indicator"}, {"match[what]": "x"}, {"added_after": "2026-11-01T00:00:00Z"}):
        assert client.delete(one, params=query).status_code == 400
    version = {"match[version]": "2026-11-02T00:00:00Z"}
    told = client.delete(one, params=version)
    assert (told.status_code, told.content, told.headers["content-type"]) == (200, b"", MEDIA_TYPE)
    assert client.get(one, params=version).status_code == 404
    assert client.get(one).json()["objects"] == [indicator(1)]
    assert client.delete(one, params=version).status_code == 404
    assert client.delete(one).status_code == 200
    for gone in (one, f"{one}versions/"):
        assert client.get(gone).status_code == 404
    for what in ("objects", "manifest"):
        told = client.get(f"{path}{what}/", params={"match[version]": "all"})
        assert [item["id"] for item in told.json()["objects"]] == [identifier("indicator", 2)]
    assert added(client, path, indicator(1))["success_count"] == 1


def test_only_who_brought_an_object_versions_and_deletes_it(served: Served) -> None:
    alpha, beta, path = served.client(), served.client("beta"), served.collection(DROPS)
    added(alpha, path, indicator(1))
    newer = indicator(1, "2026-11-02T00:00:00.000Z", revoked=True)
    assert "another user" in added(beta, path, newer)["failures"][0]["message"]
    assert added(beta, path, indicator(1))["failure_count"] == 0  # the same object again is no version
    assert beta.delete(f"{path}objects/{identifier('indicator', 1)}/").status_code == 403
    board = served.collection(BOARD)
    added(alpha, board, indicator(1))
    assert added(beta, board, newer)["failure_count"] == 0
    assert beta.delete(f"{board}objects/{identifier('indicator', 1)}/").status_code == 200


def test_versions_of_an_object(served: Served) -> None:
    client, path = served.client(), served.collection()
    versions = ["2026-11-03T00:00:00.000Z", "2026-11-01T00:00:00.000Z", "2026-11-02T00:00:00.000Z"]
    for version in versions:
        added(client, path, indicator(1, version))
    one = f"{path}objects/{identifier('indicator', 1)}/versions/"
    told = client.get(one)
    assert told.json() == {"versions": versions}
    dates = [
        row["date_added"] for row in client.get(f"{path}manifest/", params={"match[version]": "all"}).json()["objects"]
    ]
    assert (told.headers[FIRST], told.headers[LAST]) == (dates[0], dates[-1])
    page = client.get(one, params={"limit": 2}).json()
    assert (page["versions"], page["more"]) == (versions[:2], True)
    assert client.get(one, params={"limit": 2, "next": page["next"]}).json() == {"versions": versions[2:]}
    late = client.get(one, params={"added_after": dates[-1]})
    assert (late.status_code, late.json()) == (200, {})
    assert client.get(f"{path}objects/{identifier('indicator', 5)}/versions/").status_code == 404
    assert client.get(one, params={"match[type]": "indicator"}).status_code == 400


def test_a_missing_user_agent_is_no_reason_to_refuse(served: Served) -> None:
    client = served.client()
    del client.headers["user-agent"]
    assert client.get("/taxii2/").status_code == 200


def test_head_is_get_without_a_body(served: Served) -> None:
    told = served.client().head(f"{served.collection()}objects/")
    assert (told.status_code, told.content) == (200, b"")
