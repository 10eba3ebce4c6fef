"""``stillwatch share``: what may be told to peers, how it travels, and what theirs is worth here."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command

__all__ = ["SUBCOMMANDS", "share"]

HELP = "Tell peers of a campaign without giving a customer away, and use what they tell."
SUBCOMMANDS: dict[str, Command] = {}

share = App(name="share", help=HELP, sort_key=6)
for _place, (_name, _command) in enumerate(SUBCOMMANDS.items()):
    share.command(
        _command.target,
        name=_name,
        help=_command.summary,
        help_epilogue=f"Example: `{_command.example}`",
        sort_key=_place,
    )
