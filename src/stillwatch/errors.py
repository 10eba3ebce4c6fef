"""Every error that Stillwatch raises on purpose.

::

    StillwatchError               one line: what is wrong, where, what to do about it
    ├── UsageError                the command was called in a way that cannot work
    ├── InputError                a file of the user's cannot be read, or not as what it claims to be
    │   └── UnknownFormatError    nothing recognises a log, or more than one format does
    ├── PluginError               a plugin is unknown, named twice, or needs an extra that is not installed
    ├── StorageError              results cannot be written: disk full, no permission, directory taken
    ├── AskingError               a model did not answer: what it said, and whether asking again may help
    └── PeerError                 a peer's server did not do what it was asked, and whether asking again may help

The command line prints the line and ends with exit code 2. Anything else that reaches it is a defect.
"""

from __future__ import annotations

__all__ = [
    "AskingError",
    "InputError",
    "PeerError",
    "PluginError",
    "StillwatchError",
    "StorageError",
    "UnknownFormatError",
    "UsageError",
    "one_line",
]

MAX_LINE = 1000


def one_line(text: object) -> str:
    """`text` on one line of at most 1,000 characters, every run of white space one blank."""
    line = " ".join(str(text).split())
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


class StillwatchError(Exception):
    """An error for the user: ``what`` is wrong, ``where`` (a file, file:line, an option), and what to ``do``.

    Its text is one line, ``where: what; do``, whatever line breaks the parts hold.
    """

    def __init__(self, what: str, where: object = None, do: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.do = do
        line = what if self.where is None else f"{self.where}: {what}"
        super().__init__(one_line(line if do is None else f"{line}; {do}"))


class UsageError(StillwatchError):
    """The command was called in a way that cannot work."""


class InputError(StillwatchError):
    """A file of the user's cannot be read, or not as what it claims to be."""


class UnknownFormatError(InputError):
    """Nothing recognises a log, or more than one format does."""


class PluginError(StillwatchError):
    """A plugin is unknown, named twice, or needs an extra that is not installed."""


class StorageError(StillwatchError):
    """Results cannot be written."""


class AskingError(StillwatchError):
    """A model did not answer.

    ``again`` says whether another try may help, and ``after`` how many seconds to wait first. ``busy``: it asks to be
    asked more slowly. ``charged``: it may have answered, and charge for it, though nothing whole arrived. ``hopeless``:
    no question will be answered there (key, address, credit). ``away``: it could not be reached or did not come to an
    end, which is no question's fault. ``quoted`` is what it said itself: for the user's eyes, never kept, since it may
    quote the question.
    """

    def __init__(
        self,
        what: str,
        where: object = None,
        *,
        again: bool,
        after: float | None = None,
        busy: bool = False,
        charged: bool = False,
        hopeless: bool = False,
        away: bool = False,
        quoted: str = "",
    ) -> None:
        self.again, self.after = again, after
        self.busy, self.charged, self.hopeless, self.away = busy, charged, hopeless, away
        self.quoted = quoted
        super().__init__(what, where, f"it says: {quoted}" if quoted else None)
        self.do = None


class PeerError(StillwatchError):
    """A peer's server did not do what it was asked.

    ``again`` says whether another try may help, and ``after`` how many seconds to wait first; ``status`` is that of its
    answer, 0 where there was none.
    """

    def __init__(
        self,
        what: str,
        where: object = None,
        do: str | None = None,
        *,
        again: bool = False,
        after: float | None = None,
        status: int = 0,
    ) -> None:
        self.again, self.after, self.status = again, after, status
        super().__init__(what, where, do)
