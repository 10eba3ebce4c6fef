"""Filters of TAXII 2.1 section 3.4: what a server with many versions gives, over a real socket and against a plain
reading of the rules on random collections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.sharing.taxii.content import read_object
from stillwatch.sharing.taxii.filters import LATEST, Filters, read_filters
from stillwatch.sharing.taxii.instants import version_key
from stillwatch.sharing.taxii.store import Store
from tests.sharing.taxii.offered import Served, added, identifier, indicator, observable

FIELDS = frozenset({"id", "type", "version", "spec_version"})
V1, V2, V3 = (f"2026-11-0{day}T00:00:00.000Z" for day in (1, 2, 3))


@pytest.fixture
def filled(served: Served) -> Served:
    """Indicator 1 in three versions, not in their order; indicator 2; an observable; a report of STIX 2.0 and 2.1."""
    client, path = served.client(), served.collection()
    for one in (indicator(1, V2), indicator(1, V1), indicator(2), observable(3), indicator(1, V3)):
        added(client, path, one)
    report = {"type": "report", "id": identifier("report", 4), "created": V1, "modified": V1, "name": "old"}
    added(client, path, report, {**report, "spec_version": "2.1", "modified": V2, "name": "new"})
    return served


def asked(served: Served, **query: str) -> list[tuple[str, str]]:
    names = {"type": "match[type]", "id": "match[id]", "version": "match[version]", "spec": "match[spec_version]"}
    path = f"{served.collection()}manifest/"
    told = served.client().get(path, params={names.get(name, name): value for name, value in query.items()})
    assert told.status_code == 200, told.text
    return [(row["id"].partition("--")[0], row["version"][:10]) for row in told.json().get("objects", [])]


def test_without_filters_the_newest_version_of_each_object_comes(filled: Served) -> None:
    told = asked(filled)
    assert told[0] == ("indicator", "2026-11-01")
    assert told[1][0] == "autonomous-system"
    assert told[2:] == [("indicator", "2026-11-03"), ("report", "2026-11-02")]
    assert asked(filled, version="last") == told


@pytest.mark.parametrize(
    ("version", "days"),
    [
        ("last", [3]),
        ("first", [1]),
        ("all", [2, 1, 3]),
        ("first,last", [1, 3]),
        (V2, [2]),
        ("2026-11-02T00:00:00Z", [2]),
        (f"{V1},{V2},last", [2, 1, 3]),
        (f"first,{V1}", [1]),
        ("2025-01-01T00:00:00.000Z", []),
    ],
)
def test_versions_are_matched_by_word_and_by_date(filled: Served, version: str, days: list[int]) -> None:
    told = asked(filled, id=identifier("indicator", 1), version=version)
    assert told == [("indicator", f"2026-11-0{day}") for day in days]
    one = f"{filled.collection()}objects/{identifier('indicator', 1)}/"
    by_id = filled.client().get(one, params={"match[version]": version})
    assert by_id.status_code == (200 if days else 404)
    assert [item["modified"][:10] for item in by_id.json().get("objects", [])] == [f"2026-11-0{day}" for day in days]


def test_types_and_ids_are_matched_and_several_values_are_an_or(filled: Served) -> None:
    assert len(asked(filled, type="indicator")) == 2
    assert len(asked(filled, type="indicator,report")) == 3
    assert asked(filled, type="malware") == []
    assert asked(filled, type="x-not-in-stix") == []
    both = f"{identifier('indicator', 1)},{identifier('report', 4)}"
    assert len(asked(filled, id=both)) == 2
    assert asked(filled, id=both, type="report") == [("report", "2026-11-02")]


def test_of_several_specification_versions_the_latest_comes_unless_others_are_named(filled: Served) -> None:
    assert asked(filled, type="report") == [("report", "2026-11-02")]
    assert asked(filled, type="report", version="all") == [("report", "2026-11-02")]
    assert asked(filled, spec="2.0") == [("report", "2026-11-01")]
    assert asked(filled, type="report", spec="2.0,2.1", version="all") == [
        ("report", "2026-11-01"),
        ("report", "2026-11-02"),
    ]
    assert asked(filled, spec="2.2") == []
    path = f"{filled.collection()}objects/{identifier('report', 4)}/"
    assert filled.client().get(path, params={"match[spec_version]": "2.0"}).json()["objects"][0]["name"] == "old"
    assert filled.client().get(f"{path}versions/").json() == {"versions": [V2]}
    assert filled.client().get(f"{path}versions/", params={"match[spec_version]": "2.0"}).json() == {"versions": [V1]}


def test_added_after_is_strict_and_about_the_collection_not_the_object(filled: Served) -> None:
    client, path = filled.client(), f"{filled.collection()}manifest/"
    rows = client.get(path, params={"match[version]": "all"}).json()["objects"]
    for place, row in enumerate(rows):
        later = client.get(path, params={"match[version]": "all", "added_after": row["date_added"]}).json()
        assert later.get("objects", []) == rows[place + 1 :]


def test_an_observable_without_times_has_one_version_that_stays(filled: Served) -> None:
    client, path = filled.client(), filled.collection()
    one = f"{path}objects/{identifier('autonomous-system', 3)}/"
    (version,) = client.get(f"{one}versions/").json()["versions"]
    added(client, path, observable(3))
    assert client.get(f"{one}versions/").json() == {"versions": [version]}
    assert client.get(one, params={"match[version]": version}).json()["objects"] == [observable(3)]


def test_an_object_with_only_a_created_time_has_that_as_its_version(served: Served) -> None:
    client, path = served.client(), served.collection()
    marking = {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": identifier("marking-definition", 1),
        "created": V1,
        "definition_type": "statement",
        "definition": {"statement": "for tests"},
    }
    assert added(client, path, marking)["successes"] == [{"id": marking["id"], "version": V1}]
    assert client.get(f"{path}objects/{marking['id']}/versions/").json() == {"versions": [V1]}
    assert client.get(f"{path}objects/", params={"match[version]": V1}).json()["objects"] == [marking]


@pytest.mark.parametrize(
    "query",
    [
        "added_after=yesterday",
        "added_after=2026-11-28T00:00:00",
        "added_after=2026-11-28T00:00:00%2B01:00",
        "added_after=2026-13-28T00:00:00Z",
        "added_after=2026-11-28T00:00:00Z&added_after=2026-11-28T00:00:00Z",
        "added_after=",
        "limit=0",
        "limit=-1",
        "limit=1.5",
        "limit=ten",
        "limit=99999999999999999999",
        "limit=1&limit=1",
        "next=a",
        "next=1&next=1",
        "match[version]=newest",
        "match[version]=all,last",
        "match[version]=last,last",
        f"match[version]={V1},2026-11-01T00:00:00Z",
        "match[version]=last&match[version]=first",
        "match[version]=",
        "match[id]=",
        "match[id]=indicator",
        "match[id]=indicator--1%27%20OR%201=1",
        "match[type]=In%20dicator",
        "match[type]=indicator,%20report",
        "match[spec_version]=two",
    ],
)
def test_a_malformed_parameter_is_a_bad_request(served: Served, query: str) -> None:
    for what in ("objects", "manifest"):
        told = served.client().get(f"{served.collection()}{what}/?{query}")
        assert (told.status_code, told.json()["http_status"]) == (400, "400")


def test_an_unknown_parameter_is_ignored_and_a_field_that_means_nothing_here_is_not(served: Served) -> None:
    client, path = served.client(), served.collection()
    added(client, path, indicator(1))
    assert client.get(f"{path}objects/?match[colour]=red&x=1").status_code == 200
    one = f"{path}objects/{identifier('indicator', 1)}/"
    assert client.get(one, params={"match[type]": "indicator"}).status_code == 400


DAYS = [f"2026-11-0{day}T00:00:00" for day in range(1, 5)]
TIMES = st.sampled_from([f"{day}{fraction}Z" for day in DAYS for fraction in ("", ".000", ".5")])
ROWS = st.lists(st.tuples(st.integers(0, 3), TIMES, st.sampled_from(["2.0", "2.1"])), max_size=12)
VERSIONS = st.one_of(
    st.just("all"), st.lists(st.one_of(st.sampled_from(["first", "last"]), TIMES), min_size=1, max_size=3, unique=True)
)


def plainly(rows: list[tuple[int, str, str, str]], filters: Filters) -> list[tuple[str, str]]:
    """The rules of section 3.4 on rows of (order, id, key, spec), one by one."""
    found = []
    for order, name, key, spec in rows:
        same = [row for row in rows if row[1] == name]
        if filters.specs is None:
            same = [row for row in same if row[3] == max(row[3] for row in rows if row[1] == name)]
        else:
            same = [row for row in same if row[3] in filters.specs]
        if (order, name, key, spec) not in same or (filters.ids is not None and name not in filters.ids):
            continue
        keys = [row[2] for row in same]
        wanted = set(filters.versions)
        wanted |= {min(keys)} if filters.first else set()
        wanted |= {max(keys)} if filters.last else set()
        if filters.every or key in wanted:
            found.append((name, key))
    return found


@settings(max_examples=60)
@given(rows=ROWS, versions=VERSIONS, specs=st.none() | st.sampled_from(["2.0", "2.1", "2.0,2.1"]), one=st.booleans())
def test_any_collection_answers_as_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], versions: Any, specs: str | None, one: bool
) -> None:
    path: Path = tmp_path_factory.mktemp("store") / "c.sqlite"
    store = Store(path)
    kept: list[tuple[int, str, str, str]] = []
    for order, (number, time, spec) in enumerate(rows):
        item = read_object({**indicator(number, time), "spec_version": spec})
        (outcome,) = store.add("c", "u", [item])
        if not any(row[1] == item.id and row[2] == item.key for row in kept):
            assert outcome.message is None
            kept.append((order, item.id, version_key(time), spec))
    value = versions if isinstance(versions, str) else ",".join(versions)
    query = [("match[version]", value)]
    query += [("match[spec_version]", specs)] if specs else []
    query += [("match[id]", identifier("indicator", 1))] if one else []
    try:
        filters = read_filters(query, FIELDS, LATEST)
    except ValueError:  # the same instant twice, which the rules forbid
        store.close()
        return
    whole = store.page("c", filters, 100)
    assert [(row.id, version_key(row.version)) for row in whole.rows] == plainly(kept, filters)
    paged: list[str] = []
    after = -1
    while True:
        page = store.page("c", filters._replace(after=after), 2, bodies=False)
        paged += [row.version for row in page.rows]
        if not page.more:
            break
        after = page.rows[-1].added
    assert paged == [row.version for row in whole.rows]
    store.close()
