"""Addresses of campaigns and accounts: whatever an id holds, and however long it is.

An id stands in its address as it is (`stillwatch.console.paths`), so that an address can be read and written by hand.
One too long for an address goes by its hash; whoever holds the ids finds it again.
"""

from __future__ import annotations

import hashlib

from stillwatch.console.paths import link

__all__ = ["HASHED", "LONGEST", "account_path", "campaign_path", "is_long", "named"]

LONGEST = 300
"""Characters of an id that an address holds; longer ones go by their hash."""
HASHED = "sha256:"


def is_long(name: str) -> bool:
    """Whether an id goes by its hash: too long, or taken for one otherwise."""
    return len(name) > LONGEST or name.startswith(HASHED)


def named(name: str) -> str:
    """What stands for an id in addresses: itself, or ``sha256:`` and the hash of its UTF-8."""
    if not is_long(name):
        return name
    return HASHED + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def campaign_path(campaign_id: str, below: str = "", **query: object) -> str:
    """The address of a campaign's page, or of one ``below`` it (``/accounts``)."""
    return link("/campaigns/{campaign}" + below, {"campaign": named(campaign_id)}, **query)


def account_path(account_id: str) -> str:
    """The address of an account's page."""
    return link("/accounts/{account}", {"account": named(account_id)})
