"""The account–artefact picture: one strip per artefact, one column per account, in the same order in all.

Accounts stand so that those sharing the same artefacts are neighbours; shared artefacts then show as blocks.
Above `COLUMNS` accounts a column stands for many, shaded by the share of them that used the artefact, so
the picture has the same size for 25,000 accounts as for 200.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from stillwatch.campaigns import wording
from stillwatch.campaigns.plots import svg
from stillwatch.campaigns.report import ArtefactLink

COLUMNS = 120
ROWS = 24
_NAMED = 60
_SHADES = 4


class Strip(msgspec.Struct, frozen=True):
    """An artefact's row: what it is, how many inside and outside the campaign used it, and its drawing."""

    kind: str
    artefact: str
    inside: int
    outsiders: int
    drawing: Markup


class Picture(msgspec.Struct, frozen=True):
    """The strips shown, what a column stands for (in words), and how many artefacts were left out."""

    strips: tuple[Strip, ...]
    column: str
    left_out: int


def picture(links: Sequence[ArtefactLink], members: Sequence[str]) -> Picture:
    """The picture of a campaign. No members or no artefacts gives one without strips.

    The artefacts shown are those that tie the most accounts for the fewest outsiders; ids that are no
    members are not drawn.
    """
    order = {account: place for place, account in enumerate(dict.fromkeys(members))}
    if not order or not links:
        return Picture((), "one account", 0)
    chosen = sorted(links, key=_worth)[:ROWS]
    chosen.sort(key=lambda link: (link.kind, _worth(link)))
    used = [frozenset(order[a] for a in link.accounts if a in order) for link in chosen]
    signature = [0] * len(order)
    for row, places in enumerate(used):
        for place in places:
            signature[place] |= 1 << (len(chosen) - 1 - row)
    ranked = sorted(range(len(order)), key=lambda place: (-signature[place], place))
    column_of = _columns(ranked)
    sizes = [0] * (max(column_of) + 1)
    for column in column_of:
        sizes[column] += 1
    names = list(order) if len(order) <= _NAMED else []
    labels = {column_of[place]: names[place] for place in range(len(names))}
    strips = tuple(
        Strip(
            wording.visible(link.kind, limit=30),
            wording.visible(link.artefact, limit=24),
            len(places),
            link.outsiders,
            _strip(places, column_of, sizes, labels, len(order)),
        )
        for link, places in zip(chosen, used, strict=True)
    )
    each = -(-len(order) // COLUMNS)
    words = "one account" if each == 1 else f"about {wording.count(len(order) / len(sizes))} accounts"
    return Picture(strips, words, len(links) - len(chosen))


def _worth(link: ArtefactLink) -> tuple[float, str, str]:
    inside = len(link.accounts)
    return (-inside * inside / max(inside + link.outsiders, 1), link.kind, link.artefact)


def _columns(ranked: Sequence[int]) -> list[int]:
    columns = min(len(ranked), COLUMNS)
    column_of = [0] * len(ranked)
    for rank, place in enumerate(ranked):
        column_of[place] = rank * columns // len(ranked)
    return column_of


def _strip(
    places: frozenset[int], column_of: Sequence[int], sizes: Sequence[int], labels: dict[int, str], accounts: int
) -> Markup:
    hits = [0] * len(sizes)
    for place in places:
        hits[column_of[place]] += 1
    shades = [-(-_SHADES * hit // size) for hit, size in zip(hits, sizes, strict=True)]
    parts: list[Markup] = []
    start = 0
    for column in range(1, len(shades) + 1):
        same = column < len(shades) and shades[column] == shades[start] and not labels
        if same:
            continue
        if shades[start]:
            box = {"class": f"shade-{shades[start]}", "x": start, "y": 0, "width": column - start, "height": 1}
            name = [svg.element("title", {}, wording.visible(labels[start], limit=60))] if start in labels else []
            parts.append(svg.element("rect", box, *name))
        start = column
    frame = {
        "class": "strip",
        "viewBox": f"0 0 {len(shades)} 1",
        "preserveAspectRatio": "none",
        "width": "100%",
        "height": 16,
        "role": "img",
        "aria-label": f"used by {len(places):,} of {accounts:,} accounts",
    }
    return svg.element("svg", frame, *parts)
