"""The command ``stillwatch``: parse, call, render. Ends with 0 (nothing found), 1 (something to act on) or 2 (could
not run); an error is one line on stderr, and a trace of the program only with ``--debug``.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from cyclopts import App, CycloptsError

from stillwatch import __version__
from stillwatch.cli.command import Command, registered
from stillwatch.cli.terminal import clean, write_error
from stillwatch.errors import StillwatchError, UsageError, one_line
from stillwatch.storage.disk import is_full

__all__ = ["COMMANDS", "app", "main"]

NOTHING_FOUND, FOUND, FAILED = 0, 1, 2
DEBUG = "--debug"


# A command's module is imported when the command is called.
COMMANDS: dict[str, Command] = {
    "scan": Command(
        "stillwatch.cli.scan:scan",
        "Read a log, find the campaigns in it, write a report.",
        "stillwatch scan logs/ --accounts accounts.csv --out run",
    ),
    "inspect": Command(
        "stillwatch.cli.inspect:inspect",
        "Say what a log holds, what it lacks and what that costs, before scanning it.",
        "stillwatch inspect logs/",
    ),
    "convert": Command(
        "stillwatch.cli.convert:convert",
        "Write a log in any known format as Stillwatch's own table.",
        "stillwatch convert logs/ --out exchanges.parquet",
    ),
    "explain": Command(
        "stillwatch.cli.explain:explain",
        "Say in plain words what is known about an account or a campaign.",
        "stillwatch explain acct_1 --run run",
    ),
    "console": Command(
        "stillwatch.cli.console:console",
        "Show what was found in a browser on this machine: people read it there, and decide.",
        "stillwatch console --run run",
        family=True,
    ),
    "drill": Command(
        "stillwatch.cli.drill:drill",
        "Plant campaigns in a log, in memory, and measure which would be caught.",
        "stillwatch drill logs/ --accounts accounts.csv --out drill --budget 30",
    ),
    "watch": Command(
        "stillwatch.cli.watch:watch",
        "Stand between callers and a model's server: what a scan has learnt acts there.",
        "stillwatch watch --upstream http://127.0.0.1:8000 --policy policy.toml --state gate",
    ),
    "audit": Command(
        "stillwatch.cli.audit:audit",
        "Ask a suspect model, your own and a base the same questions, and tell what restraint was lost.",
        "stillwatch audit openai:theirs@https://host/v1 --against anthropic:ours --out audit",
    ),
    "share": Command(
        "stillwatch.cli.share:share",
        "Tell peers of a campaign without giving a customer away, and use what they tell.",
        "stillwatch share bulletin C1 --run run --as 'Example AI' --out c1.json",
        family=True,
    ),
    "match": Command(
        "stillwatch.cli.match:match_bulletins",
        "Tell whether a campaign of a peer's works here too.",
        "stillwatch match c1.json --run run --ledger peers.json",
    ),
    "marks": Command(
        "stillwatch.cli.marks:marks",
        "Keep keys for marks in answers, commit to them before they are used, and mark answers.",
        "stillwatch marks key --keys marks --campaign C1",
        family=True,
    ),
    "prove": Command(
        "stillwatch.cli.prove:prove",
        "Tell in three tiers whether a suspect was trained on your answers; begin with --plan.",
        "stillwatch prove openai:theirs@https://host/v1 --case case.toml --out proof",
        family=True,
    ),
    "dossier": Command(
        "stillwatch.cli.dossier:dossier",
        "Make a dossier on a campaign for counsel: signed, with everything hashed; or check one.",
        "stillwatch dossier C1 --run run --drill drill --sign dossier.key --out dossier",
        family=True,
    ),
    "policy": Command(
        "stillwatch.cli.policy:policy",
        "Check, read and try what the gateway is to do, before it acts.",
        "stillwatch policy test careful --replay logs/ --run run",
        family=True,
    ),
    "gate": Command(
        "stillwatch.cli.gate:gate",
        "Run and steer the gateway: load a scan, learn, switch it off, hear appeals.",
        "stillwatch gate load --run run --state gateway",
        family=True,
    ),
    "simulate": Command(
        "stillwatch.cli.simulate:simulate",
        "Make labelled traffic to try the scan on.",
        "stillwatch simulate --out world",
    ),
    "score": Command(
        "stillwatch.cli.score:score",
        "Compare a scan with the known answers of simulated traffic.",
        "stillwatch score world run",
    ),
    "demo": Command(
        "stillwatch.cli.demo:demo",
        "Simulate, scan and score a small log: the whole way in two minutes.",
        "stillwatch demo --out demo",
    ),
}

HELP = """Finds the accounts that one operator runs to distil the model behind an API, with a stated error rate.

Exit code: 0 nothing found, 1 something to act on, 2 could not run. --debug shows the trace of an error.
"""


def app() -> App:
    """The command line, with every command registered by name and none imported."""
    return registered(App(name="stillwatch", version=f"stillwatch {__version__}", help=HELP), COMMANDS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits the process with its code."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in tokens
    signal.signal(signal.SIGTERM, _interrupted)
    sys.exit(_run([token for token in tokens if token != DEBUG], debug))


def _run(tokens: list[str], debug: bool) -> int:
    try:
        _known(tokens)
        code = app()(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads: the last flush must not fail
        return NOTHING_FOUND
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        write_error(clean(one_line(_line(error))))
        return FAILED
    return code if isinstance(code, int) else NOTHING_FOUND


def _known(tokens: list[str]) -> None:
    """Refuses an unknown command here, because the parser would import every command to name them."""
    if tokens and not tokens[0].startswith("-") and tokens[0] not in COMMANDS:
        raise UsageError(f"there is no command {tokens[0]!r}", do="known: " + ", ".join(COMMANDS))


def _line(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, StillwatchError):
        return str(error)
    if isinstance(error, CycloptsError):
        return f"{one_line(error)} Try: stillwatch --help"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was kept"
    if is_full(error):
        return "the disk is full; nothing was kept"
    return f"unexpected {type(error).__name__}: {error} (a defect: please report it with the trace that --debug shows)"


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
