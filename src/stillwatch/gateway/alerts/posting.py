"""One POST to a receiver of alerts, which may be broken or hostile: bounded in time and bytes, no redirect followed."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from stillwatch import __version__
from stillwatch.errors import PeerError
from stillwatch.gateway.alerts.addresses import shown

__all__ = ["post"]

SECONDS = 10.0
LONGEST_WAIT = 3600.0
AGAIN = frozenset({408, 409, 425, 429})
"""Client errors after which the same alert may be taken later; every 5xx is one too."""


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send ``body`` as JSON; returns where the answer is 2xx.

    Raises `PeerError` otherwise; its text has the receiver's host and status only, since the rest of its address may be
    a secret and what it answers is a stranger's text.
    """
    sent = {"content-type": "application/json", "user-agent": f"stillwatch/{__version__}", **headers}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS), trust_env=True) as session,
            session.post(url, data=body, headers=sent, allow_redirects=False) as answer,
        ):
            status, later = answer.status, answer.headers.get("retry-after", "")
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise PeerError(f"cannot be reached ({type(error).__name__})", shown(url), again=True) from error
    if 200 <= status < 300:
        return
    again = status in AGAIN or status >= 500
    do = "it tries again by itself" if again else "look at the address and its secret"
    raise PeerError(f"answered {status}", shown(url), do, again=again, after=_seconds(later), status=status)


def _seconds(text: str) -> float | None:
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else None
