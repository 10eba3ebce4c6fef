"""Our TAXII server on a real socket of 127.0.0.1, and STIX objects to put into it."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import uvicorn

from stillwatch.sharing.taxii.configuration import read_offer
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE
from stillwatch.sharing.taxii.serving import prepared
from stillwatch.sharing.taxii.users import USERS, add_user

BULLETINS = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
DROPS = "52892447-4d7e-4f70-b94d-d7f22742ff63"
BOARD = "0c2a7a5e-7f0a-4c76-9d55-5b3f0f8a2b11"
OTHERS = "472c94ae-3113-4e3e-a4dd-a9f4ac7471d4"
OFFER = f"""
title = "Test exchange"
description = "for tests"
contact = "tests"
page = 100
max_content_length = 65536

[roots.peers]
title = "Peers"
description = "of tests"
[roots.others]
title = "Others"

[collections.bulletins]
id = "{BULLETINS}"
root = "peers"
title = "Bulletins"
description = "of all"
read = ["alpha", "beta"]
write = ["alpha", "gamma"]
[collections.drops]
id = "{DROPS}"
root = "peers"
title = "Drops"
read = ["beta", "alpha"]
write = ["alpha", "gamma", "beta"]
[collections.board]
id = "{BOARD}"
root = "peers"
title = "Board"
read = ["alpha", "beta"]
write = ["alpha", "beta"]
shared = true
[collections.elsewhere]
id = "{OTHERS}"
root = "others"
title = "Elsewhere"
read = ["delta"]
"""
NAMES = ("alpha", "beta", "gamma", "delta")


class Served(NamedTuple):
    """A running server: its address without a slash, and the secret of each user."""

    url: str
    secrets: dict[str, str]
    folder: Path

    def client(self, user: str | None = "alpha", **headers: str) -> httpx2.Client:
        """A client that is logged in and accepts TAXII."""
        auth = (user, self.secrets[user]) if user else None
        return httpx2.Client(base_url=self.url, auth=auth, headers={"accept": MEDIA_TYPE, **headers}, timeout=30)

    def collection(self, identifier: str = BULLETINS) -> str:
        """The path of a collection."""
        return f"/peers/collections/{identifier}/"


def made_users(folder: Path) -> dict[str, str]:
    """Four users, their secrets by name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {name: add_user(folder / USERS, name) for name in NAMES}


@contextmanager
def serving(
    folder: Path,
    offer: str = OFFER,
    secrets: dict[str, str] | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Iterator[Served]:
    """The server, in a thread."""
    secrets = made_users(folder) if secrets is None else secrets
    (folder / "share.toml").write_text(offer)
    config = prepared(folder, read_offer(folder / "share.toml"), "127.0.0.1", 0, certificate, key)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(f"http{'s' if certificate else ''}://127.0.0.1:{port}", secrets, folder)
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


def basic(name: str, secret: str) -> str:
    """The header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def identifier(kind: str, number: int) -> str:
    """An id that is always the same for the same number."""
    return f"{kind}--{uuid.UUID(int=number, version=4)}"


def indicator(number: int, modified: str = "2026-11-01T00:00:00.000Z", **more: Any) -> dict[str, Any]:
    """A valid indicator of STIX 2.1."""
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": identifier("indicator", number),
        "created": "2026-11-01T00:00:00.000Z",
        "modified": modified,
        "name": f"indicator {number}",
        "indicator_types": ["malicious-activity"],
        "pattern": f"[autonomous-system:number = {number + 1}]",
        "pattern_type": "stix",
        "pattern_version": "2.1",
        "valid_from": "2026-11-01T00:00:00Z",
        **more,
    }


def observable(number: int) -> dict[str, Any]:
    """A STIX cyber observable: it has no times of its own."""
    return {
        "type": "autonomous-system",
        "spec_version": "2.1",
        "id": identifier("autonomous-system", number),
        "number": number,
    }


def added(client: httpx2.Client, path: str, *objects: Any) -> dict[str, Any]:
    """Post objects into a collection; the status."""
    answer = client.post(f"{path}objects/", json={"objects": list(objects)}, headers={"content-type": MEDIA_TYPE})
    assert answer.status_code == 202, answer.text
    status: dict[str, Any] = answer.json()
    return status
