"""A run over a log whose every field of strangers is an attack, and whose files are named so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from stillwatch.campaigns.report import Report, Sample
from stillwatch.console.decisions import Decisions, Person
from stillwatch.console.pages.choosing import faced_rows
from stillwatch.console.reading import open_run
from stillwatch.settings import Settings
from stillwatch.storage.manifest import write_manifest
from tests.console.browser.worlds import let_in, scanned
from tests.hostile import HOSTILE

__all__ = ["FOLDER", "LAST_NOTE", "LONG", "TEXTS", "hostile_run", "shifted"]

FOLDER = "run\u202e <img src=x onerror=window.__hit=1> \x1b[31m"
LAST_NOTE = "<script>window.__hit=1</script> \u202e {{ 7 * 7 }}"
"""The newest of a colleague's notes."""
LONG = 2_000
"""Characters from which a text stands in few rows, so that the log stays small."""
TEXTS = tuple(text for text in dict.fromkeys(HOSTILE) if text)


def shifted(texts: tuple[str, ...], number: int) -> str:
    """A text for a number; a long one only the first time round."""
    text = texts[number % len(texts)]
    return text if len(text) <= LONG or number < len(texts) else f"short {number}"


def hostile_run(log: Path, folder: Path) -> Path:
    """The log of a world with all of `TEXTS` in it as account ids, prompts, clients, models, keys, systems and
    exchange ids, written as lines of JSON into files with such names, and scanned; then every text is a sample too,
    and a note of a colleague."""
    rows = pl.read_parquet(log).sort("account_id", "started_at")
    ids = rows.get_column("account_id").unique(maintain_order=True).to_list()
    renamed = dict(zip(ids, TEXTS, strict=False))
    files = _files(folder / "log")
    lines: list[list[bytes]] = [[] for _ in files]
    for number, row in enumerate(rows.iter_rows(named=True)):
        lines[number % len(files)].append(json.dumps(_row(row, number, renamed), default=str).encode("ascii") + b"\n")
    for path, held in zip(files, lines, strict=True):
        path.write_bytes(b"".join(held))
    (folder / FOLDER).mkdir()
    run = scanned(files, None, folder / FOLDER / "run", folder / "salt")
    _samples(run)
    write_manifest(run, Settings(), files)
    let_in(run.with_name("run.console"))
    _notes(run)
    return run


def _files(folder: Path) -> list[Path]:
    """Files of a log, named by every text that can be the name of one."""
    folder.mkdir()
    made = []
    for text in TEXTS:
        path = folder / f"{text}.jsonl"
        try:
            if not set("/\0*?[") & set(text) and len(os.fsencode(path.name)) < 250:
                path.touch()
                made.append(path)
        except UnicodeEncodeError:
            continue  # half a character that no file's name can hold
    return made


def _row(row: dict[str, Any], number: int, renamed: dict[str, str]) -> dict[str, Any]:
    text = shifted(TEXTS, number)
    held = {name: value for name, value in row.items() if value is not None}
    held["account_id"] = renamed.get(row["account_id"], row["account_id"])
    held["exchange_id"] = f"{text}{number}"
    held["messages"] = json.loads(row["messages"])
    if number % 3 == 0:
        held["messages"][-1]["content"] += f"\n{text}"
        held["response"] = f"{held.get('response', '')}\n{text}"
        held["user_agent"] = held["ja4"] = text
    if number % 50 == 0:
        held["model"] = held["system_prompt"] = held["api_key_id"] = held["session_id"] = text
    held["started_at"] = row["started_at"].isoformat()
    return held


def _samples(run: Path) -> None:
    """Every text as the text, the id and the account of a sample of the first campaign."""
    report = msgspec.json.decode((run / "report.json").read_bytes(), type=Report)
    first, *others = report.campaigns
    model = first.samples[0]
    samples = tuple(
        Sample(clean_utf8(text)[:200] or "x", model.account_id, model.technique, 0.9, clean_utf8(text))
        for text in TEXTS
    )
    told = msgspec.structs.replace(report, campaigns=(msgspec.structs.replace(first, samples=samples), *others))
    (run / "report.json").write_bytes(msgspec.json.encode(told) + b"\n")


def clean_utf8(text: str) -> str:
    """The text as far as UTF-8 holds it: half a character becomes a mark, as a reader of a log makes of it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _notes(run: Path) -> None:
    """Every text that fits as a colleague's note on accounts of the first campaign."""
    opened, decisions = open_run(run), Decisions(run.with_name("run.console") / "decisions")
    (group, *_) = (*opened.accused, *opened.doubtful)
    faced = list(faced_rows(opened, group.rows))
    for place, text in enumerate((*TEXTS, LAST_NOTE)):
        note = clean_utf8(text)[:3_000]
        if note.strip():
            about = [faced[place % len(faced)]]
            decisions.note(about, Person("ada", "analyst"), note, run="scan:1", campaign=group.campaign.campaign_id)
