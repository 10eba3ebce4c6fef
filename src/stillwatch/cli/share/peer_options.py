"""What the commands that speak to a peer's server have in common."""

from __future__ import annotations

import os

from stillwatch.sharing.taxii.login import Login, read_login

__all__ = ["LOGIN", "PLAIN_HELP", "URL_HELP", "login_of"]

URL_HELP = "Address of the server: its discovery (https://HOST/taxii2/) or one of its API roots."
PLAIN_HELP = "Allow http:// to another machine: everything, the secret too, is then readable on the way."
LOGIN = "STILLWATCH_TAXII_LOGIN"


def login_of(option: str | None) -> Login | None:
    """The log-in that ``--login`` names; left out, the one in `LOGIN`, where that is set. Raises `UsageError`."""
    if option is None and not os.environ.get(LOGIN):
        return None
    return read_login(option or f"env:{LOGIN}")
