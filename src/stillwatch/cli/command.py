"""What a command is to the command line, and how a family of commands is made of its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cyclopts import App

__all__ = ["Command", "registered"]


class Command(NamedTuple):
    """Where a command's function is, what it does, and an example that works; a ``family`` has commands of its own."""

    target: str
    summary: str
    example: str
    family: bool = False


def registered(family: App, commands: Mapping[str, Command]) -> App:
    """``family`` with each of ``commands`` under its name, in their order; none is imported."""
    for place, (name, command) in enumerate(commands.items()):
        # Of a family, an example stands at each of its own commands.
        more = {} if command.family else {"help_epilogue": f"Example: `{command.example}`"}
        family.command(command.target, name=name, help=command.summary, sort_key=place, **more)
    return family
