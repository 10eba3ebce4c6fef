"""Writes the pages that are made from the code: ``make docs``. With ``--check`` it only says whether one is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from stillwatch.exchange import CUSTOMER, EXCHANGE
from stillwatch.settings import SETTINGS
from stillwatch.sources import SOURCES

DOCS = Path(__file__).parent
NOTE = "<!-- Made from the code by `make docs`; edit the code instead. -->\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, ("---",) * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def log_formats() -> str:
    """The formats, and the columns of the record and of the table of accounts."""
    formats = [(f"`{s.info.name}`", s.info.summary, s.info.reference, s.info.version) for _, s in SOURCES.all()]
    parts = [
        "# Log formats\n",
        NOTE,
        "A log's format is recognised from its content, gzip and zstd included. Every other log can be read with a",
        "field map, see [adding-a-log-format.md](adding-a-log-format.md).\n",
        table(("name", "what", "specified in", "version"), formats),
    ]
    for title, schema in (("One exchange", EXCHANGE), ("One account (`--accounts`)", CUSTOMER)):
        rows = [
            (
                f"`{field.name}`" + ("" if field.nullable else " (required)"),
                field.metadata[b"unit"].decode(),
                field.metadata[b"meaning"].decode(),
            )
            for field in schema
        ]
        parts += [f"## {title}\n", table(("column", "unit", "meaning"), rows)]
    return "\n".join(parts)


def settings() -> str:
    """The settings of a run."""
    rows = [(f"`{s.option}`", s.type, str(s.default), s.help) for s in SETTINGS]
    return "\n".join(["# Settings\n", NOTE, table(("option", "type", "default", "what it does"), rows)])


PAGES = {"log-formats.md": log_formats, "settings.md": settings}


def stale() -> list[str]:
    """The names of pages that differ from what the code says."""
    return [n for n, page in PAGES.items() if not (DOCS / n).exists() or (DOCS / n).read_text("utf-8") != page()]


def main() -> int:
    """Writes stale pages, or with ``--check`` names them; returns the exit code."""
    found = stale()
    if "--check" not in sys.argv:
        for name in found:
            (DOCS / name).write_text(PAGES[name](), "utf-8")
        return 0
    sys.stderr.write("".join(f"docs/{name} is stale: run `make docs`\n" for name in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
