"""``/campaigns/{campaign}/graph``: a group's accounts and the artefacts that tie them, as a picture and as tables."""

from __future__ import annotations

from stillwatch.campaigns import wording
from stillwatch.console.page import Page, Role, Shown, Visit
from stillwatch.console.pages.campaign_accounts import asked_group
from stillwatch.console.reading import Run
from stillwatch.console.reading.addresses import campaign_path
from stillwatch.console.reading.graph import Focus, Graph, Node
from stillwatch.console.reading.groups import Group
from stillwatch.console.reading.lists import singles_of

__all__ = ["PAGE", "asked_focus", "graph_values"]


def asked_focus(visit: Visit) -> Focus:
    """The part of the picture that the query asks for."""
    query = visit.given.query
    return Focus.read(query.get("open", ""), query.get("kind", ""))


def opened(group: Group, steps: str, kind: str) -> str:
    """The address of a part of the picture."""
    return campaign_path(group.campaign.campaign_id, "/graph", open=steps or None, kind=kind or None)


def graph_values(run: Run, group: Group, focus: Focus) -> dict[str, object]:
    """What the template of a picture needs: the picture, where its data is, and the same as rows of tables."""
    graph = run.graph(group, focus)
    name = group.campaign.campaign_id
    steps = ".".join(focus.steps)
    query = {"open": steps or None, "kind": focus.kind or None}

    def into(node: Node) -> str:
        return opened(group, node.opens, focus.kind) if node.opens else ""

    return {
        "graph": graph,
        "data": campaign_path(name, "/graph.json", **query),
        "whole": opened(group, "", ""),
        "above": opened(group, ".".join(focus.steps[:-1]), focus.kind) if focus.steps else "",
        "deep": bool(focus.steps),
        "kinds": [
            (wording.visible(kind, limit=30), opened(group, steps, kind), kind == focus.kind) for kind in graph.kinds
        ],
        "all_kinds": opened(group, steps, "") if focus.kind else "",
        "artefacts": [(node, into(node)) for node in _sorted(graph, "artefact")],
        "bubbles": [(node, into(node)) for node in _sorted(graph, "accounts")],
        "singles": singles_of(run, group, graph),
    }


def _sorted(graph: Graph, sort: str) -> list[Node]:
    return sorted((node for node in graph.nodes if node.sort == sort), key=lambda node: (-node.count, node.label))


def show(visit: Visit) -> Shown:
    """The page."""
    run: Run = visit.run
    group = asked_group(visit)
    values = graph_values(run, group, asked_focus(visit))
    return Shown("graph.html", {**values, "accused": run.accusation_of_group(group)})


PAGE = Page("graph", "", "/campaigns/{campaign}/graph", Role.VIEWER, show)
