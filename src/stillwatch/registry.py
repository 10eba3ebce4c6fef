"""The only finder of plugins: a literal mapping that one can read, plus entry points of other wheels."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any


class Registry(Mapping[str, Any]):
    """Plugins by name, imported when they are first asked for.

    ``group`` is the entry-point group in which other wheels register theirs; ``own`` maps a name to
    ``"package.module:ATTRIBUTE"``. Raises ValueError where two packages claim one name.
    """

    def __init__(self, group: str, own: Mapping[str, str]) -> None:
        self.group = group
        self._places = dict(own)
        for point in entry_points(group=group):
            if point.name in self._places and self._places[point.name] != point.value:
                raise ValueError(f"{group}: {point.name!r} is claimed by {self._places[point.name]} and {point.value}")
            self._places[point.name] = point.value

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self._places[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
