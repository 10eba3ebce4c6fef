"""``stillwatch share``: what may be told to peers, how it travels, and what theirs is worth here."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command

__all__ = ["SUBCOMMANDS", "share"]

HELP = "Tell peers of a campaign without giving a customer away, and use what they tell."
SUBCOMMANDS: dict[str, Command] = {
    "psi": Command(
        "stillwatch.cli.share.psi:psi",
        "Learn which artefacts a peer has too, and nothing else.",
        "stillwatch share psi connect https://peer.example:8443 --kind payment --from cards.txt --out common.txt",
        family=True,
    ),
}

share = App(name="share", help=HELP, sort_key=6)
for _place, (_name, _command) in enumerate(SUBCOMMANDS.items()):
    if _command.family:  # an example stands at each of its own commands
        share.command(_command.target, name=_name, help=_command.summary, sort_key=_place)
        continue
    share.command(
        _command.target,
        name=_name,
        help=_command.summary,
        help_epilogue=f"Example: `{_command.example}`",
        sort_key=_place,
    )
