"""``stillwatch share``: what may be told to peers, how it travels, and what theirs is worth here."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command

__all__ = ["SUBCOMMANDS", "share"]

HELP = "Tell peers of a campaign without giving a customer away, and use what they tell."
# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "bulletin": Command(
        "stillwatch.cli.share.bulletin:bulletin",
        "Make a bulletin on a campaign, or show in words what one would tell.",
        "stillwatch share bulletin C1 --run run --as 'Example AI' --preview",
    ),
    "key": Command(
        "stillwatch.cli.share.key:key",
        "Make the key under which peers hash what identifies.",
        "stillwatch share key --out peers.key",
    ),
}

share = App(name="share", help=HELP, sort_key=6)
for _place, (_name, _command) in enumerate(SUBCOMMANDS.items()):
    share.command(
        _command.target,
        name=_name,
        help=_command.summary,
        help_epilogue=f"Example: `{_command.example}`",
        sort_key=_place,
    )
