"""``stillwatch marks``: secret keys by which answers can be marked, fixed before they are used."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered

__all__ = ["SUBCOMMANDS", "marks"]

HELP = "Keep keys for marks in answers, commit to them before they are used, and mark answers."
# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "init": Command(
        "stillwatch.cli.marks.keys:init",
        "Make the master secret that all keys follow from.",
        "stillwatch marks init --keys marks",
    ),
    "key": Command(
        "stillwatch.cli.marks.keys:key",
        "Commit to a key for a campaign, a tier or all traffic; from then on it may be used.",
        "stillwatch marks key --keys marks --campaign C1",
    ),
    "list": Command(
        "stillwatch.cli.marks.keys:list_keys",
        "List the keys and the days on which each was used.",
        "stillwatch marks list --keys marks",
    ),
    "rotate": Command(
        "stillwatch.cli.marks.keys:rotate",
        "Retire a key and commit to its successor; tests of the old one go on.",
        "stillwatch marks rotate --keys marks --campaign C1 --why leaked",
    ),
    "commitment": Command(
        "stillwatch.cli.marks.statement:commitment",
        "Write the statement of all commitments, to be published or timestamped.",
        "stillwatch marks commitment --keys marks --by 'Example AI' --out statement.json",
    ),
    "open": Command(
        "stillwatch.cli.marks.statement:open_",
        "Lay one retired key open, for a court.",
        "stillwatch marks open 6b86b273ff34fce1 --keys marks --out opening.json",
    ),
    "verify": Command(
        "stillwatch.cli.marks.statement:verify",
        "Check that a key that was laid open had been fixed, and since when.",
        "stillwatch marks verify opening.json --statement statement.json",
    ),
    "apply": Command(
        "stillwatch.cli.marks.apply:apply",
        "Mark a file of answers, and tell what it costs them.",
        "stillwatch marks apply answers.jsonl --out marked.jsonl",
    ),
}

marks = registered(App(name="marks", help=HELP, sort_key=7), SUBCOMMANDS)
