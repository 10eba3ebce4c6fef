"""The picture of accounts and artefacts: bounded at any size, the same each time, and every account is reached."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from stillwatch.console.reading import Run
from stillwatch.console.reading.graph import DEEPEST, MOST, SINGLES, Focus, Graph, graph_of
from stillwatch.console.reading.groups import Ties
from stillwatch.console.reading.layout import places


def ties(*used_by: list[int], kinds: tuple[str, ...] = ()) -> Ties:
    users = [np.array(sorted(some), dtype=np.int32) for some in used_by]
    return Ties(
        kinds=kinds or ("address",) * len(users),
        hashes=tuple(f"{n:016x}" for n in range(len(users))),
        outsiders=np.zeros(len(users), dtype=np.int32),
        starts=np.concatenate([[0], np.cumsum([len(some) for some in users])]).astype(np.int64),
        users=np.concatenate([*users, np.zeros(0, np.int32)]).astype(np.int32),
    )


def accounts_of(graph: Graph) -> int:
    return graph.unseen + sum(node.count for node in graph.nodes if node.sort != "artefact")


def test_few_accounts_stand_there_one_by_one_with_lines_to_what_they_used() -> None:
    graph = graph_of(ties([0, 1], [1, 2]), 4, Focus())
    singles = {n: node.place for n, node in enumerate(graph.nodes) if node.sort == "account"}
    artefacts = {n: node.label for n, node in enumerate(graph.nodes) if node.sort == "artefact"}
    assert sorted(singles.values()) == [0, 1, 2, 3]
    joined = {(singles[a], artefacts[b]) for a, b in graph.lines}
    assert joined == {(0, "address 00000000"), (1, "address 00000000"), (1, artefacts[5]), (2, artefacts[5])}


def test_an_artefact_of_one_account_ties_nothing_and_is_not_drawn() -> None:
    graph = graph_of(ties([0], [1, 2]), 3, Focus())
    assert [node.count for node in graph.nodes if node.sort == "artefact"] == [2]


def test_accounts_that_used_the_same_are_one_bubble() -> None:
    graph = graph_of(ties(list(range(300)), list(range(200, 500))), 600, Focus())
    bubbles = [(node.count, node.label) for node in graph.nodes if node.sort == "accounts"]
    assert sorted(count for count, _ in bubbles) == [100, 100, 200, 200]
    assert (100, "100 accounts that used none of the artefacts shown") in bubbles
    assert (100, "100 accounts that used the same: address (2)") in bubbles


@pytest.mark.parametrize("kind", ["", "payment", "address", "client", "wording", "no such kind"])
def test_a_picture_of_25_000_accounts_is_small_and_leaves_nobody_out(huge: Run, kind: str) -> None:
    group = huge.groups["C1"]
    graph = huge.graph(group, Focus((), kind))
    assert 0 < len(graph.nodes) <= MOST
    assert accounts_of(graph) == graph.accounts == 25_000
    assert all(0 <= node.x <= 1 and 0 <= node.y <= 1 for node in graph.nodes)


def test_the_same_picture_is_the_same_each_time(huge: Run) -> None:
    group = huge.groups["C2"]
    assert graph_of(group.ties, len(group.rows), Focus()) == graph_of(group.ties, len(group.rows), Focus())


def test_whatever_is_opened_gets_smaller_until_accounts_stand_one_by_one(huge: Run) -> None:
    group = huge.groups["C1"]
    queue, seen, singles = deque([Focus()]), 0, 0
    while queue and seen < 20:
        focus = queue.popleft()
        graph = huge.graph(group, focus)
        seen += 1
        assert len(graph.nodes) <= MOST
        assert accounts_of(graph) == graph.accounts
        for node in graph.nodes:
            singles += node.sort == "account"
            if node.opens:
                inside = Focus.read(node.opens)
                assert len(inside.steps) == len(focus.steps) + 1
                if len(queue) < 6:
                    queue.append(inside)
                    assert huge.graph(group, inside).accounts == node.count < graph.accounts
    assert singles > SINGLES


def test_accounts_alike_in_everything_are_drawn_in_part_and_the_rest_is_told() -> None:
    graph = graph_of(ties(list(range(1_000))), 1_000, Focus())
    assert sum(node.sort == "account" for node in graph.nodes) == SINGLES
    assert graph.unseen == 1_000 - SINGLES


def test_an_address_of_another_run_opens_what_there_is() -> None:
    whole = graph_of(ties([0, 1], [1, 2]), 4, Focus())
    for steps in ("a99", "b0123456789ab", "a0.a99", "x;y", "a" * 5_000, "."):
        graph = graph_of(ties([0, 1], [1, 2]), 4, Focus.read(steps))
        assert graph.accounts in (2, 4)
    assert graph_of(ties([0, 1], [1, 2]), 4, Focus.read("a99")).accounts == whole.accounts == 4
    assert len(Focus.read(".".join(["a1"] * 50)).steps) == DEEPEST


@pytest.mark.parametrize(("used_by", "accounts"), [((), 0), ((), 3), (([0],), 1)])
def test_next_to_nothing_is_a_picture_too(used_by: tuple[list[int], ...], accounts: int) -> None:
    graph = graph_of(ties(*used_by), accounts, Focus())
    assert accounts_of(graph) == accounts


def test_places_do_not_depend_on_chance_and_joined_nodes_stand_nearer() -> None:
    lines = np.array([[n, 40 + n % 2] for n in range(40)], dtype=np.int32)
    weight = np.ones(42, dtype=np.float32)
    at = places(42, lines, weight)
    assert np.array_equal(at, places(42, lines, weight))
    far = np.hypot(*(at[:40, None, :] - at[None, 40:, :]).transpose(2, 0, 1))
    own = far[np.arange(40), np.arange(40) % 2]
    assert own.mean() < far[np.arange(40), (np.arange(40) + 1) % 2].mean()
