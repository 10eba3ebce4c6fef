"""What a client meets: our server as one calls it, and servers that do a thing that ours does not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stillwatch.errors import PeerError
from stillwatch.sharing.feed import Feed
from stillwatch.sharing.taxii.login import Login, read_login
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from stillwatch.sharing.taxii.peer import Got, find, pages
from stillwatch.sharing.taxii.pulling import Pulled, pull
from stillwatch.sharing.taxii.pushing import Pushed, push
from stillwatch.sharing.taxii.wire import Wire, address_of
from tests.asking.served import running
from tests.sharing.taxii.offered import BULLETINS, basic

Handler = Callable[[Request], Awaitable[Response]]


def login(user: str, secret: str) -> Login:
    """The log-in as the environment gives it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_PEER", f"{user}:{secret}")
        return read_login("env:A_PEER")


def pulled(url: str, who: Login | None, collection: str, feed: Path, source: str | None = None) -> Pulled:
    """One round of pulling."""

    async def one() -> Pulled:
        wire = Wire(address_of(url, "--from", plain=False), who, timeout=30, pauses=(0.01, 0.02))
        try:
            return await pull(wire, address_of(url, "--from", plain=False), collection, Feed(feed), source=source)
        finally:
            await wire.close()

    return asyncio.run(one())


def pushed(url: str, who: Login | None, collection: str, *files: Path) -> Pushed:
    """Files pushed."""

    async def one() -> Pushed:
        wire = Wire(address_of(url, "--to", plain=False), who, timeout=30, pauses=(0.01, 0.02))
        try:
            return await push(wire, address_of(url, "--to", plain=False), collection, files)
        finally:
            await wire.close()

    return asyncio.run(one())


@contextmanager
def odd_server(handler: Handler) -> Iterator[str]:
    """The address of a server that answers everything with ``handler``."""
    with running(Starlette(routes=[Route("/{path:path}", handler, methods=["GET", "POST"])])) as address:
        yield address


def taxii(told: object, status: int = 200, **headers: str) -> Response:
    """A TAXII answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(msgspec.json.encode(told), status, {"content-type": MEDIA_TYPE, **named})


@contextmanager
def medallion(folder: Path, collections: list[dict[str, object]], page: int = 20) -> Iterator[str]:
    """The address of OASIS's reference server (medallion 3.0) with these collections, user alpha, password below."""
    folder.mkdir(parents=True, exist_ok=True)
    information = {"title": "Peers", "versions": [MEDIA_TYPE], "max_content_length": 100_000}
    data = {
        "/discovery": {"title": "medallion", "default": "/peers/", "api_roots": ["/peers/"]},
        "peers": {"information": information, "status": [], "collections": collections},
    }
    (folder / "data.json").write_bytes(msgspec.json.encode(data))
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": str(folder / "data.json"),
    }
    settings = {"users": {"alpha": MEDALLION_PASSWORD}, "taxii": {"max_page_size": page}, "backend": backend}
    (folder / "medallion.json").write_bytes(msgspec.json.encode(settings))
    script = Path(__file__).with_name("medallion_server.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder / "medallion.json")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        version, port = process.stdout.readline().split()
        assert version == b"3.0.0"
        yield f"http://127.0.0.1:{int(port)}"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


MEDALLION_PASSWORD = "medallion-secret"


SECRET = "hush-hush-hush"
ROOT = {"title": "Odd", "versions": [MEDIA_TYPE], "max_content_length": 10_000}
COLLECTION = {"id": BULLETINS, "title": "B", "can_read": True, "can_write": True}


def usual(path: str) -> Response | None:
    """What every server answers before its objects are asked for."""
    known: dict[str, Any] = {
        "taxii2/": {"title": "Odd", "api_roots": ["/root/"]},
        "root/": ROOT,
        "root/collections/": {"collections": [COLLECTION]},
    }
    return taxii(known[path]) if path in known else None


def everything(url: str, after: int | None = None, timeout: float = 20.0) -> list[Got]:
    """All pages of the collection."""

    async def all_of_them() -> list[Got]:
        wire = Wire(url, login("alpha", SECRET), timeout=timeout, pauses=(0.01, 0.01))
        try:
            found = await find(wire, f"{url}/taxii2/", BULLETINS)
            return [page async for page in pages(wire, found, after)]
        finally:
            await wire.close()

    return asyncio.run(all_of_them())


def failing(url: str, timeout: float = 20.0) -> PeerError:
    """The error that pulling from there ends in: one line, without the secret."""
    with pytest.raises(PeerError) as raised:
        everything(url, timeout=timeout)
    said = str(raised.value)
    assert SECRET not in said
    assert basic("alpha", SECRET).partition(" ")[2] not in said
    assert said.isprintable()
    return raised.value


def objects_by(give: Callable[[Request], Response]) -> Handler:
    """A server that is as usual up to its objects."""

    async def handler(request: Request) -> Response:
        return usual(request.path_params["path"]) or give(request)

    return handler
