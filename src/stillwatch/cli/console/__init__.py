"""``stillwatch console``: a web application on this machine, in which people read what was found, and decide."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered
from stillwatch.cli.console.serving import console as _console

__all__ = ["SUBCOMMANDS", "console"]

# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "check": Command(
        "stillwatch.cli.console.checking:check",
        "Check the chain of the audit log.",
        "stillwatch console check --run run",
    ),
    "rescue": Command(
        "stillwatch.cli.console.checking:rescue",
        "Make a one-time link for somebody who forgot a password.",
        "stillwatch console rescue ada --run run",
    ),
}

console = registered(App(name="console", help=_console.__doc__, sort_key=8), SUBCOMMANDS)
console.default(_console)
