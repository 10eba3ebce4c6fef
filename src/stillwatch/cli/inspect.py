"""``stillwatch inspect``: what a log holds and lacks, before anything is scanned."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from stillwatch.campaigns.dossier import BLIND
from stillwatch.campaigns.origins import kinds_of
from stillwatch.campaigns.report import NetworkKinds
from stillwatch.cli.log_options import DEFAULT_LOG_OPTIONS, LogLocations, LogOptions
from stillwatch.cli.terminal import Style, TerminalProgress, clean
from stillwatch.exchange import EXCHANGE, REQUIRED
from stillwatch.sources.base import Info, Rejected
from stillwatch.sources.containers.postgres import is_address, shown
from stillwatch.sources.log import Log

__all__ = ["Inspection", "inspect", "masked"]

SAMPLES = 3
TEXTS = ("system_prompt", "messages", "response", "reasoning")
SHOWN_CHARACTERS = 70
REASONS_SHOWN = 8


class Inspection(msgspec.Struct, kw_only=True):
    """What was seen: ``filled`` the share of exchanges that hold each column, ``lacks`` what each empty column costs.

    ``could`` says of an empty column which of the formats can carry it. ``rejected`` counts reasons, with the first
    place of each. ``samples`` are exchanges as the scan will see them, their texts masked. ``networks`` is there only
    where kinds of networks are known.
    """

    formats: dict[str, int]
    exchanges: int
    accounts: int
    filled: dict[str, float]
    lacks: dict[str, str]
    could: dict[str, list[str]]
    rejected: dict[str, tuple[int, str]]
    notes: list[str]
    samples: list[dict[str, Any]]
    command: str
    networks: NetworkKinds | msgspec.UnsetType = msgspec.UNSET


def inspect(
    log: LogLocations,
    /,
    *,
    reading: Annotated[LogOptions, Parameter(name="*")] = DEFAULT_LOG_OPTIONS,
    exchanges: Annotated[
        int, Parameter(help="How many exchanges to look at, from the beginnings of the files.")
    ] = 5000,
    json: Annotated[bool, Parameter(negative="", help="Print what was seen as JSON.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Show no progress.")] = False,
) -> int:
    """Say what a log holds, what it lacks and what that costs, and how to scan it.

    Example: ``stillwatch inspect logs/``

    Returns 0; a log of which nothing can be read is an error.
    """
    progress = TerminalProgress(quiet=quiet)
    try:
        with reading.open(log, progress) as opened:
            progress.step("looking into the log")
            seen = _seen(opened, log, reading, exchanges)
            infos = list(dict.fromkeys(opened.formats.values()))
    finally:
        progress.close()
    text = msgspec.json.encode(seen).decode() if json else "\n".join(lines_of(seen, infos, Style(sys.stdout)))
    sys.stdout.write(text + "\n")
    return 0


def _seen(log: Log, locations: list[str], reading: LogOptions, exchanges: int) -> Inspection:
    table, rejected = log.beginning(max(exchanges, 1))
    rows = max(table.num_rows, 1)
    filled = {name: 1.0 - table.column(name).null_count / rows if table.num_rows else 0.0 for name in EXCHANGE.names}
    empty = [name for name, share in filled.items() if share == 0.0]
    infos = log.formats.values()
    return Inspection(
        formats=dict(Counter(info.name for info in infos)),
        exchanges=table.num_rows,
        accounts=len(table.column("account_id").unique()),
        filled=filled,
        lacks={name: BLIND[name] for name in empty if name in BLIND},
        could={name: sorted({info.name for info in infos if name in info.carries}) for name in empty},
        rejected=_counted(rejected),
        notes=list(log.notes),
        samples=[_sample(row) for row in table.slice(0, SAMPLES).to_pylist()],
        command=_command(locations, reading),
        networks=kinds_of(table),
    )


def _counted(rejected: tuple[Rejected, ...]) -> dict[str, tuple[int, str]]:
    counts: dict[str, tuple[int, str]] = {}
    for reject in rejected:
        number, first = counts.get(reject.reason, (0, reject.where))
        counts[reject.reason] = (number + 1, first)
    return dict(sorted(counts.items(), key=lambda item: -item[1][0]))


def _sample(row: dict[str, Any]) -> dict[str, Any]:
    """An exchange for people's eyes: what it holds, with the letters of its texts taken out."""
    shown = {name: value for name, value in row.items() if value is not None}
    shown["started_at"] = shown["started_at"].isoformat()
    for name in TEXTS:
        if name == "messages" and name in shown:
            turns = msgspec.json.decode(shown[name])
            shown[name] = [f"{turn.get('role')}: {masked(turn.get('content') or '')}" for turn in turns[-SAMPLES:]]
        elif name in shown:
            shown[name] = masked(shown[name])
    return shown


def masked(text: str) -> str:
    """A text with every letter as x and every digit as 0, cut to 70 characters: its shape without what it says."""
    shape = "".join("x" if c.isalpha() else "0" if c.isdigit() else c for c in text[:SHOWN_CHARACTERS])
    return shape + ("…" if len(text) > SHOWN_CHARACTERS else "")


def _command(locations: list[str], reading: LogOptions) -> str:
    words = ["stillwatch", "scan", *(shown(text) if is_address(text) else text for text in locations)]
    given = [("--map", reading.map), ("--format", reading.format), ("--join", reading.join)]
    for option, value in [*given, *(("--networks", path) for path in reading.networks)]:
        words += [] if value is None else [option, str(value)]
    words += [] if reading.join is None else ["--on", reading.on]
    words += [] if reading.trusted_hops is None else ["--trusted-hops", str(reading.trusted_hops)]
    return shlex.join([*words, "--accounts", "ACCOUNTS", "--out", "run"])


def lines_of(seen: Inspection, infos: list[Info], style: Style) -> list[str]:
    """What was seen, for a terminal."""
    formats = ", ".join(f"{name} ({count} file{'s' if count != 1 else ''})" for name, count in seen.formats.items())
    lines = [
        style.bold(f"Format: {clean(formats)}"),
        f"Looked at {seen.exchanges:,} exchanges of {seen.accounts:,} accounts.",
        *(clean(note) for note in seen.notes),
        "",
        style.bold("Held, as a share of the exchanges"),
    ]
    for name, share in seen.filled.items():
        required = " (required)" if name in REQUIRED else ""
        lines.append(f"  {name:17}{share:7.1%}{required}" if share else style.dim(f"  {name:17}      -"))
    lines += _networks(seen, style)
    if seen.lacks:
        lines += ["", style.bold("Missing, and what that costs")]
    for name, cost in seen.lacks.items():
        able = seen.could[name]
        remedy = f" {' and '.join(able)} can carry it." if able else " The format cannot carry it: see --join."
        lines.append(f"  {name}: {cost}{remedy}")
    for info in infos:
        lines += _believed(info, style)
    for info in infos:
        if any(info.name in seen.could[name] for name in seen.lacks):
            lines += ["", style.bold(f"Switching it on in {clean(info.name)}"), f"  {info.switch_on}"]
    if seen.rejected:
        lines += ["", style.bold("Set aside")]
    for reason, (count, first) in list(seen.rejected.items())[:REASONS_SHOWN]:
        lines.append(f"  {count:,} × {clean(reason)}, first at {clean(first)}")
    lines.append("")
    if seen.samples:
        lines += [style.bold("As the scan will see them (texts masked)")]
    for sample in seen.samples:
        lines += ["  " + clean(f"{name:17}{_shown(value)}") for name, value in sample.items()] + [""]
    lines += [style.bold("Next"), f"  {clean(seen.command)}"]
    lines.append(style.dim("  ACCOUNTS is your table of customers; leave --accounts out where you have none."))
    return lines


def _networks(seen: Inspection, style: Style) -> list[str]:
    """The kinds of networks, where any is known."""
    if not isinstance(seen.networks, NetworkKinds):
        return []
    title = f"Kinds of networks, as a share of the {seen.networks.known:,} exchanges with a known one (for no verdict)"
    return ["", style.bold(title), *(f"  {kind:17}{share:7.1%}" for kind, share in seen.networks.shares.items())]


def _believed(info: Info, style: Style) -> list[str]:
    """Whom a format names, and what else is looked into."""
    lines = ["", style.bold(f"Whose call it is in {clean(info.name)}"), f"  The account: {info.trust.account}."]
    lines.append(f"  Can the caller choose it? {info.trust.claim}.")
    return (lines if info.trust.claim else []) + ([f"  Read besides: {info.beside}"] if info.beside else [])


def _shown(value: Any) -> str:
    return " | ".join(value) if isinstance(value, list) else str(value)
