"""``stillwatch share``: what may be told to peers, how it travels, and what theirs is worth here."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command

__all__ = ["SUBCOMMANDS", "share"]

HELP = "Tell peers of a campaign without giving a customer away, and use what they tell."
SUBCOMMANDS: dict[str, Command] = {
    "push": Command(
        "stillwatch.cli.share.push:push",
        "Send bulletins or STIX bundles to a peer's TAXII server.",
        "stillwatch share push c1.json --to https://peer.example/taxii2/ --collection bulletins --login env:PEER",
    ),
    "pull": Command(
        "stillwatch.cli.share.pull:pull",
        "Take what is new on a peer's TAXII server into the feed, once or on a schedule.",
        "stillwatch share pull --from https://peer.example/taxii2/ --collection bulletins --feed feed --every 60",
    ),
    "import": Command(
        "stillwatch.cli.share.import_:import_",
        "Take documents that a peer sent into the feed.",
        "stillwatch share import c1.json --feed feed --from 'Example AI'",
    ),
    "serve": Command(
        "stillwatch.cli.share.serve:serve",
        "Serve collections to peers over TAXII 2.1.",
        "stillwatch share serve --store exchange --config share.toml",
    ),
    "user": Command(
        "stillwatch.cli.share.user:user",
        "Make or remove a user of the server.",
        "stillwatch share user alpha --store exchange",
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
