"""A console on a real socket of 127.0.0.1, and browsers without a window that visit it."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import uvicorn

from stillwatch.console.guard import Front
from stillwatch.console.page import Role
from stillwatch.console.places import Places
from stillwatch.console.security.company import Company
from stillwatch.console.security.desk import Desk
from stillwatch.console.serving import Reached, front_of, prepared
from stillwatch.listening import url_of
from stillwatch.settings import Settings
from stillwatch.storage.manifest import write_manifest

PASSWORD = "four random words do"
_TOKEN = re.compile(r'name="csrf" value="([^"]*)"')


class Clock:
    """A clock that tests set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Browser:
    """What a person has before him: it keeps cookies, sends its origin with forms, and finds the form's token."""

    def __init__(self, url: str, *, address: str = "") -> None:
        headers = {"x-forwarded-for": address} if address else {}
        self.url = url
        self.client = httpx2.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def token(self, path: str) -> str:
        """The token of the forms of a page."""
        found = _TOKEN.search(self.get(path).text)
        assert found is not None, f"{path} has no form"
        return html.unescape(found[1])

    def post(
        self,
        path: str,
        fields: Mapping[str, object] | None = None,
        *,
        token: str | None = None,
        origin: str | None = "",
        shown_at: str = "/login",
    ) -> httpx2.Response:
        """Send a form as a browser does. ``token`` None takes that of the page at ``shown_at``."""
        held = self.token(shown_at) if token is None else token
        sent = {**(fields or {}), "csrf": held}
        headers = {} if origin is None else {"origin": origin or self.url}
        return self.client.post(path, data=sent, headers=headers)

    def sign_in(self, name: str, password: str = PASSWORD, back: str = "") -> httpx2.Response:
        fields = {"name": name, "password": password, "back": back}
        return self.post("/login/enter", fields)

    def cookie(self, short: str) -> str:
        """The value of one of the console's cookies; "" for none."""
        return next((c.value or "" for c in self.client.cookies.jar if c.name.endswith(f"-{short}")), "")


class Served(NamedTuple):
    """A console that serves: where, its desk, its clock."""

    url: str
    desk: Desk
    clock: Clock
    places: Places

    def let_in(self, name: str, role: Role) -> None:
        """Somebody with `PASSWORD`."""
        self.desk.people.accept(self.desk.people.invite(role, "the tests"), name, PASSWORD)

    def browser(self, name: str = "", **more: str) -> Browser:
        """A browser, in which somebody has signed in where ``name`` is given."""
        made = Browser(self.url, **more)
        if name:
            answer = made.sign_in(name)
            assert answer.status_code == 303, answer.text
        return made


def made_places(folder: Path) -> Places:
    """The places of a run of which nothing but the manifest is there."""
    run = folder / "run"
    run.mkdir(parents=True)
    write_manifest(run, Settings(), ["a log <b>with markup</b>"])
    return Places.of(run, None)


@contextmanager
def serving(
    folder: Path,
    *,
    places: Places | None = None,
    company: Company | None = None,
    front: Front | None = None,
    clock: Clock | None = None,
    reached: Reached | None = None,
) -> Iterator[Served]:
    """Serve a console from ``folder`` on a free port while the block runs."""
    places = made_places(folder) if places is None else places
    clock = Clock() if clock is None else clock
    reached = Reached() if reached is None else reached
    desk = Desk(places.people, company=company, clock=clock)
    config = prepared(places, front_of(reached) if front is None else front, desk, reached)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            assert thread.is_alive(), "the console did not start"
            time.sleep(0.01)
        yield Served(url_of(server.servers[0], secure=config.is_ssl), desk, clock, places)
    finally:
        server.should_exit = True
        thread.join(30)
        desk.close()
