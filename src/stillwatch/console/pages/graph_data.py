"""``/campaigns/{campaign}/graph.json``: the picture's nodes and lines for the script that draws it on a canvas."""

from __future__ import annotations

import msgspec

from stillwatch.console.page import Download, Page, Role, Visit
from stillwatch.console.pages.campaign_accounts import asked_group
from stillwatch.console.pages.graph import asked_focus, opened
from stillwatch.console.reading import Run
from stillwatch.console.reading.lists import singles_of

__all__ = ["PAGE"]


def show(visit: Visit) -> Download:
    """The data: ``nodes`` as [sort, x, y, count, label, address], ``lines`` as pairs of places in them. An account's
    label carries its error rate."""
    run: Run = visit.run
    group, focus = asked_group(visit), asked_focus(visit)
    graph = run.graph(group, focus)
    named = iter(singles_of(run, group, graph))
    nodes = []
    for node in graph.nodes:
        label, url = node.label, opened(group, node.opens, focus.kind) if node.opens else ""
        if node.sort == "account":
            one = next(named)
            label, url = f"{one.name}. {one.rate}. Closest innocent explanation: {one.closest}", one.path
        elif node.sort == "artefact":
            label = f"{node.label}: {node.count:,} accounts here, {node.outsiders:,} outside"
        nodes.append([node.sort, round(node.x, 4), round(node.y, 4), node.count, label, url])
    content = msgspec.json.encode({"nodes": nodes, "lines": graph.lines})
    return Download(content, "graph.json", "application/json")


PAGE = Page("graph_data", "", "/campaigns/{campaign}/graph.json", Role.VIEWER, show)
