"""The only finder of plugins: a literal table that one can read, and other people's wheels by entry point.

``Registry("stillwatch.sources", {"litellm": "stillwatch.sources.formats.litellm:SOURCE"})`` imports a plugin on first
use, so that listing names costs nothing and extras stay optional. A wheel adds a plugin through the entry-point
group of the registry's name; nothing in Stillwatch has a privilege that such a wheel lacks.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from stillwatch.errors import PluginError

__all__ = ["Info", "Registry", "load"]

T = TypeVar("T")
OURS = "stillwatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a plugin says of itself: the single source of docs, ``--help``, tooltips and footnotes.

    ``reference`` is where the method comes from; ``example`` a line or value that shows its use.
    """

    name: str
    summary: str
    reference: str
    version: str
    example: str


def load(target: str) -> Any:
    """The object that ``module:ATTRIBUTE`` names, imported now.

    Raises `PluginError` where the module, one that it imports, or the attribute is missing.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as missing:
        do = f"pip install {missing.name}" if missing.name and not missing.name.startswith(OURS) else None
        raise PluginError(f"needs the module {missing.name}, which is not installed", target, do) from missing
    except AttributeError as missing:
        raise PluginError(f"has no {attribute}", module) from missing


class Registry(Generic[T]):
    """Plugins of one kind by name: our ``table`` first, then the entry points of group ``name``.

    ``extras`` maps a plugin's name to the extra of ours that it needs. Names are looked up when first asked for.
    """

    def __init__(self, name: str, table: Mapping[str, str], extras: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.table = MappingProxyType(dict(table))
        self.extras = MappingProxyType(dict(extras or {}))
        self._targets: dict[str, str] | None = None
        self._loaded: dict[str, T] = {}

    def targets(self) -> Mapping[str, str]:
        """Every plugin's name and where it lies (``module:ATTRIBUTE``), ours first, then others' by name.

        Raises `PluginError` naming both packages where two claim one name.
        """
        if self._targets is None:
            targets, owners = dict(self.table), dict.fromkeys(self.table, OURS)
            for entry in sorted(entry_points(group=self.name), key=lambda e: (e.name, e.value)):
                owner = _package(entry)
                if entry.name in owners:
                    raise PluginError(
                        f"{owners[entry.name]} and {owner} both bring {entry.name!r}",
                        self.name,
                        "uninstall one of them",
                    )
                targets[entry.name], owners[entry.name] = entry.value, owner
            self._targets = targets
        return MappingProxyType(self._targets)

    def names(self) -> tuple[str, ...]:
        """The names of all plugins; nothing is imported."""
        return tuple(self.targets())

    def get(self, name: str) -> T:
        """The plugin called ``name``, imported on first use. Raises `PluginError` for an unknown or broken one."""
        if name not in self._loaded:
            targets = self.targets()
            if name not in targets:
                raise PluginError(f"no {name!r} here", self.name, "known: " + ", ".join(targets))
            try:
                self._loaded[name] = load(targets[name])
            except PluginError as error:
                if name not in self.extras:
                    raise
                raise PluginError(
                    error.what, f"{self.name} {name}", f"pip install 'stillwatch[{self.extras[name]}]'"
                ) from error
        return self._loaded[name]

    def all(self) -> Iterator[tuple[str, T]]:
        """Every plugin with its name, in the order of `names`."""
        return ((name, self.get(name)) for name in self.names())


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value.partition(".")[0]
