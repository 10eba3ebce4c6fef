"""What a command calls that needs an extra of ours."""

from __future__ import annotations

from typing import Any

from stillwatch.errors import PluginError
from stillwatch.registry import load

__all__ = ["load_for"]


def load_for(command: str, target: str, extras: str) -> Any:
    """What ``module:ATTRIBUTE`` names, for a command that needs ``extras``. Raises `PluginError` with the line that
    installs them."""
    try:
        return load(target)
    except PluginError as error:
        raise PluginError(error.what, command, f"pip install 'stillwatch[{extras}]'") from error
