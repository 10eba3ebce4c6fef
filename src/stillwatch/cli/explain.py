"""``stillwatch explain``: what the report of a run says of one account or campaign, in plain words.

It prints the sentences of `stillwatch.campaigns.narrative`, which are also those of ``report.html``.
"""

from __future__ import annotations

import difflib
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stillwatch.campaigns import narrative, wording
from stillwatch.campaigns.narrative import Passage
from stillwatch.campaigns.report import Campaign, Report

CLEAR, ACT, FAILED = 0, 1, 2
_WIDEST = 96
_COMPARED = 160
_BEGINNINGS = 3
_STYLES = {"campaign": "bold red", "review": "bold yellow", "clear": "bold green"}


class Answer(msgspec.Struct, frozen=True):
    """What is known of a subject: its kind, its verdict, the sentences, and the record they render."""

    subject: str
    kind: str
    verdict: str
    passages: tuple[Passage, ...]
    record: dict[str, Any]


def explain(
    subject: str,
    /,
    *,
    run: Annotated[Path, Parameter(help="Folder of the scan's results (scan --out).")],
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="Write one JSON object.")] = False,
) -> int:
    """Say why an account or campaign has its verdict, how sure that is, and what would clear it.

    Exit code 0: not accused; 1: accused or a campaign; 2: could not tell (unknown id, no report).
    An id that is both a campaign's and an account's is taken for the campaign's.

    Example: stillwatch explain acct_35348aa67235 --run results

    Parameters
    ----------
    subject
        An account id as it stands in the log, or a campaign id as it stands in the report.
    """
    try:
        report = _read(run / "report.json")
        answer = _answer(report, subject, run)
    except _NoAnswer as problem:
        sys.stderr.write(f"{_fit(str(problem), sys.stderr)}\n")
        return FAILED
    if as_json:
        encoded = msgspec.json.format(msgspec.json.encode(answer), indent=2)
        sys.stdout.write(_ascii(encoded.decode("utf-8")) + "\n")
    else:
        sys.stdout.write(_fit(_printed(answer), sys.stdout))
    return ACT if answer.verdict == "campaign" else CLEAR


class _NoAnswer(Exception):
    """One line saying why there is no answer."""


def _read(path: Path) -> Report:
    shown = wording.visible(str(path), limit=300)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except FileNotFoundError:
        raise _NoAnswer(f"{shown}: no such file; give the folder that `stillwatch scan --out` wrote") from None
    except OSError as problem:
        raise _NoAnswer(f"{shown}: cannot be read ({problem.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        said = wording.visible(str(problem), limit=200)
        raise _NoAnswer(f"{shown}: is not a report of this version of Stillwatch ({said}); scan again") from None


def _answer(report: Report, subject: str, run: Path) -> Answer:
    campaigns = {campaign.campaign_id: campaign for campaign in report.campaigns}
    if subject in campaigns:
        return _of_campaign(campaigns[subject])
    for account in report.accounts:
        if account.account_id == subject:
            held = campaigns.get(account.campaign_id or "")
            passages = narrative.account_passages(account, held)
            return Answer(subject, "account", account.verdict, passages, msgspec.to_builtins(account))
    known = [*campaigns, *(account.account_id for account in report.accounts)]
    near = [f"“{wording.visible(name, limit=60)}”" for name in near_matches(subject, known)]
    hint = f"; near to it: {wording.listed(near)}" if near else ""
    where = wording.visible(str(run), limit=200)
    raise _NoAnswer(f"{where}: no account or campaign “{wording.visible(subject, limit=60)}” in this run{hint}")


def _of_campaign(campaign: Campaign) -> Answer:
    record = msgspec.to_builtins(campaign)
    for bulky in ("artefacts", "timeline", "samples"):
        del record[bulky]
    return Answer(campaign.campaign_id, "campaign", campaign.verdict, narrative.campaign_passages(campaign), record)


def near_matches(subject: str, known: Sequence[str], most: int = 5) -> tuple[str, ...]:
    """Known ids that ``subject`` may have meant: the same but for case, its beginning, then similar ones.

    Only the first 160 characters of an id are compared, so that long ids cost no more than short ones.
    """
    wanted = subject[:_COMPARED].casefold()
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name[:_COMPARED].casefold(), name)
    found = [name for fold, name in folded.items() if fold == wanted]
    if len(wanted) >= 3:
        found += sorted(name for fold, name in folded.items() if fold != wanted and fold.startswith(wanted))[
            :_BEGINNINGS
        ]
    similar = [fold for fold in folded if abs(len(fold) - len(wanted)) <= 3]
    found += [folded[fold] for fold in difflib.get_close_matches(wanted, similar, n=most, cutoff=0.75)]
    return tuple(dict.fromkeys(found))[:most]


def _printed(answer: Answer) -> str:
    terminal = sys.stdout.isatty()
    width = min(Console(file=sys.stdout).width, _WIDEST)
    page = io.StringIO()
    console = Console(
        file=page,
        width=width,
        force_terminal=terminal,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    name = wording.visible(answer.subject)
    console.print(Text.assemble((name, "bold"), "  ", (answer.verdict, _STYLES[answer.verdict])))
    for passage in answer.passages:
        console.print()
        console.print(Text(passage.title, style="bold"))
        console.print(Padding(Text(" ".join(passage.sentences)), (0, 0, 0, 2)))
        if passage.points:
            console.print(Padding(_list(passage.points), (0, 0, 0, 2)))
    return "\n".join(line.rstrip() for line in page.getvalue().replace("\u00a0", " ").split("\n")).rstrip("\n") + "\n"


def _list(points: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(ratio=1)
    for point in points:
        table.add_row("-", Text(point))
    return table


def _fit(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding cannot say spelt out."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _ascii(text: str) -> str:
    """JSON that no terminal acts upon: everything beyond ASCII as an escape, which any reader undoes."""
    written: list[str] = []
    for character in text:
        code = ord(character)
        if 32 <= code < 127 or character == "\n":
            written.append(character)
        elif code < 0x10000:
            written.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            written.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return "".join(written)
