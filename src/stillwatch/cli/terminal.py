"""What reaches a terminal: text without tricks, colour only where somebody sees it, progress only where it takes long.

Text from a log is written by strangers. In a terminal an escape sequence can rewrite what stands above it, and a
change of writing direction can make ``moc.live`` read as ``evil.com``; `clean` makes both visible instead.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from typing import TextIO

__all__ = ["Style", "TerminalProgress", "clean", "write_error"]

SHOWN = {"\t": " ", "\n": " ", "\r": " "}
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
FIRST_SHOWN_AFTER = 2.0
REDRAWN_AFTER = 0.1


def clean(text: str, limit: int = 2000) -> str:
    """``text`` on one line, at most ``limit`` characters, every invisible or controlling character spelt out.

    Controls, escape sequences, marks of writing direction, zero-width and unassigned characters become ``\\u{…}``.
    """
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(SHOWN.get(c) or (f"\\u{{{ord(c):x}}}" if _hidden(c) else c) for c in cut)
    return cut if len(text) <= limit else cut + "…"


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN_CATEGORIES


def _colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Style:
    """Colours for one stream: plain text unless it is a terminal, NO_COLOR is unset and TERM is not dumb."""

    def __init__(self, stream: TextIO) -> None:
        self.on = _colourful(stream)

    def bold(self, text: str) -> str:
        """``text`` in bold."""
        return self._in("1", text)

    def red(self, text: str) -> str:
        """``text`` in red: an accusation, an error."""
        return self._in("31", text)

    def green(self, text: str) -> str:
        """``text`` in green: nothing to act on."""
        return self._in("32", text)

    def dim(self, text: str) -> str:
        """``text`` in grey: an aside."""
        return self._in("2", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text


def write_error(line: str) -> None:
    """One line on stderr."""
    style = Style(sys.stderr)
    sys.stderr.write(f"{style.red('stillwatch:')} {line}\n")


class TerminalProgress:
    """A `stillwatch.progress.Progress` on one line of a terminal, once the run has taken two seconds.

    Nothing is written where ``stream`` is no terminal or ``quiet`` is given. ``seconds`` says how long each step took.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._silent = quiet or not self._stream.isatty()
        self._started = self._step_started = time.monotonic()
        self._drawn_at, self._drawn = 0.0, False
        self._title, self._total, self._done = "", 0, 0
        self.seconds: dict[str, float] = {}

    def step(self, title: str, total: int | None = None) -> None:
        """See `Progress.step`."""
        self._end_step()
        self._title, self._total, self._done = title, total or 0, 0
        self._draw(force=True)

    def advance(self, amount: int = 1) -> None:
        """See `Progress.advance`."""
        self._done += amount
        self._draw()

    def close(self) -> None:
        """The last step is over; the line disappears."""
        self._end_step()
        self._title = ""
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False

    def _end_step(self) -> None:
        now = time.monotonic()
        if self._title:
            self.seconds[self._title] = self.seconds.get(self._title, 0.0) + now - self._step_started
        self._step_started = now

    def _draw(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if (
            self._silent
            or now - self._started < FIRST_SHOWN_AFTER
            or (now - self._drawn_at < REDRAWN_AFTER and not force)
        ):
            return
        share = f" {min(100 * self._done // self._total, 100)} %" if self._total else ""
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r\x1b[2K" + f"{clean(self._title)}{share}"[:width])
        self._stream.flush()
        self._drawn_at, self._drawn = now, True
