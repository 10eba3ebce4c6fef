"""``stillwatch share``: what may be told to peers, how it travels, and what theirs is worth here."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered

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
    "judge": Command(
        "stillwatch.cli.share.judge:judge",
        "Say what became of a match, so that a peer's word weighs what it earned.",
        "stillwatch share judge 5f1d... --ledger peers.json --right CASE-12",
    ),
    "peers": Command(
        "stillwatch.cli.share.judge:list_peers",
        "List the peers and how often each was right here.",
        "stillwatch share peers --ledger peers.json",
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
    "psi": Command(
        "stillwatch.cli.share.psi:psi",
        "Learn which artefacts a peer has too, and nothing else.",
        "stillwatch share psi connect https://peer.example:8443 --kind payment --from cards.txt --out common.txt",
        family=True,
    ),
}

share = registered(App(name="share", help=HELP, sort_key=6), SUBCOMMANDS)
