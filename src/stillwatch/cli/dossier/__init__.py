"""``stillwatch dossier``: a folder and a paper on one campaign, for counsel; and the check of one."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered
from stillwatch.cli.dossier.making import dossier as _dossier

__all__ = ["SUBCOMMANDS", "dossier"]

SUBCOMMANDS: dict[str, Command] = {
    "verify": Command(
        "stillwatch.cli.dossier.verifying:verify",
        "Check a dossier byte for byte, its signature and its stamp; scan again and compare the figures.",
        "stillwatch dossier verify dossier --key key.pub --rerun",
    ),
    "key": Command(
        "stillwatch.cli.dossier.keys:key",
        "Make the key that signs dossiers.",
        "stillwatch dossier key --out dossier.key",
    ),
}

dossier = registered(App(name="dossier", help=_dossier.__doc__, sort_key=7), SUBCOMMANDS)
dossier.default(_dossier)
