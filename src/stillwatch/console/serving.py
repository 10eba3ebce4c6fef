"""The console behind a socket: this machine alone, unless TLS or a named proxy stands before everybody else."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import uvicorn

from stillwatch.console.app import application
from stillwatch.console.guard import Front
from stillwatch.console.paths import link
from stillwatch.console.places import Places
from stillwatch.console.security.company import read_company
from stillwatch.console.security.desk import Desk
from stillwatch.errors import UsageError
from stillwatch.listening import announced, with_certificate
from stillwatch.loopback import is_loopback

__all__ = ["Reached", "front_of", "prepared", "rescue", "serve"]

WELCOME = "/welcome/{token}"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_CONNECTIONS = 256


class Reached(NamedTuple):
    """Where the console listens, and how people reach it. ``behind`` is the address of a proxy before it ("": none),
    ``proxies`` from where that calls; ``names`` the host names under which TLS of our own is reached."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    behind: str = ""
    proxies: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def front_of(reached: Reached) -> Front:
    """Which requests are meant for the console.

    Raises `UsageError` where others than this machine would reach it without TLS, or under no name that is known.
    """
    if (reached.certificate is None) != (reached.key is None):
        raise UsageError(
            "a certificate and its key belong together", "--tls-cert", "give both --tls-cert and --tls-key"
        )
    if reached.behind:
        if reached.names:
            raise UsageError("has its name in --behind-proxy", "--name", "leave it out")
        return Front.behind(reached.behind, reached.proxies)
    if reached.proxies:
        raise UsageError("stands before nothing", "--proxy", "give --behind-proxy https://console.example.com")
    secure = reached.certificate is not None
    names = frozenset(name.lower().rstrip(".") for name in reached.names)
    if is_loopback(reached.host):
        return Front(names=_LOOPBACK | {reached.host.lower()} | names, secure=secure)
    if not secure:
        raise UsageError(
            "would serve passwords without TLS",
            reached.host,
            "give --tls-cert and --tls-key, or --behind-proxy https://console.example.com",
        )
    try:
        everywhere = ipaddress.ip_address(reached.host).is_unspecified
    except ValueError:
        everywhere = False
    if everywhere and not names:
        raise UsageError("is no name that people ask for", reached.host, "give --name console.example.com")
    return Front(names=names if everywhere else names | {reached.host.lower()}, secure=True)


def serve(
    places: Places,
    reached: Reached,
    *,
    oidc: Path | None = None,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Serve until interrupted. ``say`` is told where, and while nobody has an account the one-time link of the first
    admin; ``warn`` what is wrong with the audit log.

    Raises `UsageError` for an address that cannot be listened on or may not be, `InputError` and `StorageError` for
    files that cannot be used.
    """
    front = front_of(reached)
    desk = Desk(places.people, company=None if oidc is None else read_company(oidc, time.time))
    try:
        for problem in desk.checked[1].problems:
            warn(f"the audit log does not hold: {problem}")

        def started(address: str) -> None:
            there = reached.behind.rstrip("/") or address
            say(f"serving {there}/")
            if not desk.people.anybody():
                say(f"to become the first admin, open once: {there}{link(WELCOME, {'token': desk.people.set_up()})}")
            desk.audit("the console was started", about=address)

        announced(prepared(places, front, desk, reached), started)
    finally:
        desk.close()


def rescue(people: Path, name: str) -> str:
    """The path of a one-time link by which somebody who forgot a password chooses a new one.

    For whoever may read and write the folder of people. Raises `UsageError` where nobody has the name.
    """
    desk = Desk(people)
    try:
        token = desk.people.invite(1, "the terminal", name=name)
        desk.audit("made a one-time link for a new password", by="the terminal", about=name)
        return link(WELCOME, {"token": token})
    finally:
        desk.close()


def prepared(places: Places, front: Front, desk: Desk, reached: Reached) -> uvicorn.Config:
    """The server's configuration, certificates read."""
    config = uvicorn.Config(
        application(places, front, desk),
        host=reached.host,
        port=reached.port,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who calls is what `Front` makes of it
        lifespan="off",
        ws="none",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        ssl_certfile=reached.certificate,
        ssl_keyfile=reached.key,
    )
    return with_certificate(config, reached.certificate)
