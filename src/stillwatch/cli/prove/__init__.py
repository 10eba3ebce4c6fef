"""``stillwatch prove``: was a model trained on our answers? Three tiers of evidence, never mixed."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered
from stillwatch.cli.prove.proving import prove as _prove

__all__ = ["SUBCOMMANDS", "prove"]

# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "check": Command(
        "stillwatch.cli.prove.check:check",
        "Make every number of a proof again from its folder, and check its seals and commitments.",
        "stillwatch prove check proof",
    ),
}

prove = registered(App(name="prove", help=_prove.__doc__, sort_key=7), SUBCOMMANDS)
prove.default(_prove)
