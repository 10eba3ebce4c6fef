"""``stillwatch share user``: who may log in to our TAXII server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stillwatch.errors import StorageError
from stillwatch.sharing.taxii.users import USERS, add_user, remove_user

__all__ = ["user"]


def user(
    name: str,
    /,
    *,
    store: Annotated[Path, Parameter(help="Folder of the server (share serve --store).")],
    remove: Annotated[bool, Parameter(negative="", help="Turn this user away from now on.")] = False,
) -> int:
    """Make a user, or a new secret for one, and print the secret: it is kept as a hash, so this is the only time.

    A server that runs heeds it at once. What the user may do stands in the server's TOML file.

    Example: stillwatch share user alpha --store exchange

    Parameters
    ----------
    name
        Small letters, digits and hyphens.
    """
    if remove:
        remove_user(store / USERS, name)
        sys.stdout.write(f"{name} can no longer log in\n")
        return 0
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot be made: {error.strerror}", store, "name another --store") from error
    secret = add_user(store / USERS, name)
    sys.stdout.write(f"{name}:{secret}\n")
    sys.stderr.write(
        f"This is shown once. For HTTP Basic: user {name}, the rest the password; as a bearer token: {name}.PASSWORD\n"
    )
    return 0
