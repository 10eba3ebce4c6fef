"""``stillwatch policy``: what the gateway is to do, checked, told in words, and tried on a log before it acts."""

from __future__ import annotations

from cyclopts import App

from stillwatch.cli.command import Command, registered

__all__ = ["SUBCOMMANDS", "policy"]

HELP = "Check what the gateway is to do, read it in plain words, and try it on a log before it acts."
# One entry for each command, its function in a module of its name.
SUBCOMMANDS: dict[str, Command] = {
    "check": Command(
        "stillwatch.cli.policy.reading:check",
        "Say whether a policy's file can work, and what in it may not be meant.",
        "stillwatch policy check policy.toml",
    ),
    "show": Command(
        "stillwatch.cli.policy.reading:show",
        "Say in plain words who would be touched how, at what risk of error, and what it costs an innocent.",
        "stillwatch policy show balanced",
    ),
    "test": Command(
        "stillwatch.cli.policy.trying:try_on_log",
        "Replay a log through the gateway's decision and say exactly whom the policy would have touched.",
        "stillwatch policy test policy.toml --replay logs/ --run run",
    ),
}

policy = registered(App(name="policy", help=HELP, sort_key=6), SUBCOMMANDS)
