"""How often somebody may try to sign in: by address, and by name, without letting strangers lock anybody out.

Tries under a name count against everybody who tries it from a browser that never signed in under it. A browser that
did has a cookie that says so, and a count of its own (OWASP, "Slow down online guessing attacks with device cookies"):
so a stranger who guesses at Ada's password makes other strangers wait, and not Ada. A try counts before its password is
looked at, so that many at once gain nothing; one that was right is taken off again.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["ADDRESS", "DEVICE", "NAME", "Attempts", "Limit", "place_of"]


class Limit(NamedTuple):
    """At most ``most`` wrong tries within ``seconds``."""

    most: int
    seconds: float


ADDRESS, NAME, DEVICE = Limit(10, 300.0), Limit(20, 900.0), Limit(10, 300.0)
_MOST_REMEMBERED = 20_000


class Attempts:
    """Wrong tries, in memory: a console that is started anew has forgotten them. ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def take(self, address: str, name: str = "", device: str = "") -> int:
        """Count a try; 0: go on. Else the whole seconds to wait, in which case it was not counted.

        ``device`` is what a browser that signed in under this name before bears ("": it bears nothing of the kind).
        """
        now = self._clock()
        with self._lock:
            keys = _keys(address, name, device)
            waits = [self._wait(key, limit, now) for key, limit in keys]
            if max(waits) > 0:
                return math.ceil(max(waits))
            for key, limit in keys:
                self._tries[key] = [*self._recent(key, limit, now), now]
                self._tries.move_to_end(key)
            while len(self._tries) > _MOST_REMEMBERED:
                self._tries.popitem(last=False)
        return 0

    def right(self, address: str, name: str = "", device: str = "") -> None:
        """The last try was right: it counts no more. Those before it still do."""
        with self._lock:
            for key, _ in _keys(address, name, device):
                if self._tries.get(key):
                    self._tries[key].pop()

    def _wait(self, key: tuple[str, str], limit: Limit, now: float) -> float:
        recent = self._recent(key, limit, now)
        return recent[-limit.most] + limit.seconds - now if len(recent) >= limit.most else 0.0

    def _recent(self, key: tuple[str, str], limit: Limit, now: float) -> list[float]:
        return [when for when in self._tries.get(key, []) if when > now - limit.seconds]


def _keys(address: str, name: str, device: str) -> list[tuple[tuple[str, str], Limit]]:
    keys = [(("address", place_of(address)), ADDRESS)]
    if device:
        keys.append((("device", device), DEVICE))
    elif name:
        keys.append((("name", name.casefold()[:100]), NAME))
    return keys


def place_of(address: str) -> str:
    """What counts as one address: of IPv6 the /64, which is one household."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "elsewhere"
    if found.version == 6:
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
