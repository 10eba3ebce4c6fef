"""What a page is: who may see it, what it shows, and what can be done on it.

A page is a value. Its functions are called in a thread, after the console has checked who asks, that the role is high
enough and, where something is done, that the form is one of ours; so none of this stands in a page. A page adds itself
by a line in ``stillwatch.console.pages``; it is at its path, and each of its acts at that path, "/" and the act's name.

Text that strangers wrote (account ids, prompts, file names) goes into templates through the filter ``shown``, and into
addresses through the global ``link`` (`stillwatch.console.paths`), which every id survives.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stillwatch.console.paths import is_own
from stillwatch.errors import StillwatchError

if TYPE_CHECKING:
    from pathlib import Path

    from stillwatch.console.material import Material
    from stillwatch.console.places import Places
    from stillwatch.console.security.desk import Desk
    from stillwatch.console.security.sessions import Session

__all__ = ["Download", "Given", "Moved", "Page", "PageError", "Person", "Role", "Shown", "Visit"]

MOST_SAID = 300
_NONE: Mapping[str, str] = MappingProxyType({})


class Role(enum.IntEnum):
    """What a person may do, each role all that those before it may. ``ANYONE`` is who has not signed in."""

    ANYONE = 0
    VIEWER = 1
    ANALYST = 2
    APPROVER = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """The role as people write it: ``viewer``."""
        return self.name.lower()


class PageError(StillwatchError):
    """What a page cannot show or do, as its error page tells it.

    ``status`` is an HTTP status: 404 where there is no such thing (the default), 409 where somebody else was faster.
    A page may raise any other `StillwatchError` too: `UsageError` becomes 400, and the rest 500 with its own line.
    """

    def __init__(self, what: str, where: object = None, do: str | None = None, *, status: int = 404) -> None:
        self.status = status
        super().__init__(what, where, do)


@dataclass(frozen=True)
class Person:
    """Who asks: a name that is nobody else's, and a role."""

    name: str
    role: Role


@dataclass(frozen=True)
class Given:
    """What came with a request, all of it text of strangers and bounded: ``path`` (the path's parameters), ``query``
    and ``form`` (the first value of each field; at most 1,000 and 20,000 characters)."""

    path: Mapping[str, str] = _NONE
    query: Mapping[str, str] = _NONE
    form: Mapping[str, str] = _NONE
    every: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a form's field, such as those of ticked boxes with one name."""
        return self.every.get(name, ())


@dataclass(frozen=True)
class Visit:
    """One request of one person. ``places`` says where things lie, ``material`` opens them; ``desk`` and ``session``
    are for the pages about people. Only ``run`` and ``decisions`` may raise: `InputError` where there is none."""

    person: Person
    given: Given
    places: Places
    material: Material
    desk: Desk
    address: str = ""
    session: Session | None = None
    cookies: Mapping[str, str] = _NONE
    origin: str = ""

    @property
    def run(self) -> Any:
        """The run that is shown (``stillwatch.console.reading``), opened once and kept while it is the newest."""
        return self.material.run()

    @property
    def decisions(self) -> Any:
        """What people decided (``stillwatch.console.decisions``)."""
        return self.material.decisions()

    @property
    def appeals(self) -> Path | None:
        """The folder of appeals; None: none is known."""
        return self.places.appeals

    def audit(self, what: str, about: str = "") -> None:
        """Write a line of the audit log: this person did ``what`` (a few words of ours: "looked at text", "decided:
        confirm"), ``about`` whom or what (any text). It is on the disk when this returns. Raises `StorageError`.

        Call it before text of a log is shown and after a decision was kept. No password or token goes in here.
        """
        self.desk.audit(what, by=self.person.name, about=about, address=self.address)


@dataclass(frozen=True)
class Shown:
    """A template, filled with ``values``. Beside them it finds ``person``, ``page``, ``csrf``, ``menu`` and ``say``."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Moved:
    """Go on at ``url`` (a path of ours, with its query), where ``flash`` is said once. Raises ValueError elsewhere.

    ``session`` is for signing in and out: the id that this browser has from now on; "" takes it away, None leaves it.
    ``cookies`` are others that it keeps (name to value; "" takes one away). ``across``: it comes from another site, to
    whose redirects browsers send no strict cookie, and goes on through a page of ours.
    """

    url: str
    flash: str = ""
    session: str | None = None
    cookies: Mapping[str, str] = _NONE
    across: bool = False

    def __post_init__(self) -> None:
        if not is_own(self.url):
            raise ValueError("a page sends people to paths of the console only")


@dataclass(frozen=True)
class Download:
    """A file to keep: its bytes, its name (ours: letters, digits, ``.-_``) and its media type."""

    content: bytes
    name: str
    media_type: str


Show = Callable[[Visit], Shown | Moved | Download]
Act = Callable[[Visit], Shown | Moved]


@dataclass(frozen=True)
class Page:
    """One page. ``title`` is its line in the menu ("": it is reached from others); ``path`` may have parameters, as in
    ``/campaigns/{campaign}``; ``role`` is the least that may see it; ``acts`` are what can be done on it, by name, each
    with the least role that may, which is never below the page's."""

    name: str
    title: str
    path: str
    role: Role
    show: Show
    acts: Mapping[str, tuple[Role, Act]] = field(default_factory=dict)
