"""The endpoints of TAXII 2.1 (sections 4 and 5) over a `Store`. Needs starlette.

Order of the checks: who asks (401), whether the answer can be read (406), whether this user has such a thing (404,
403), what is sent (413, 415), what it means (400, 422). Nothing that a request says is repeated in an error.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from stillwatch.errors import InputError, StillwatchError
from stillwatch.sharing.taxii.answers import Refusal, answer, body_of, failed, paged, refused
from stillwatch.sharing.taxii.configuration import CollectionOffer, Offer
from stillwatch.sharing.taxii.content import SPEC_VERSIONS, StixObject, envelope, is_identifier, read_object
from stillwatch.sharing.taxii.filters import EVERYTHING, LATEST, VERSIONS, Filters, read_filters
from stillwatch.sharing.taxii.instants import now, stamp, version_key
from stillwatch.sharing.taxii.negotiation import MEDIA_TYPE, STIX_MEDIA_TYPE, is_acceptable, is_sendable
from stillwatch.sharing.taxii.store import Outcome, Page, Status, Store, TakenError
from stillwatch.sharing.taxii.users import Attempts, Users, credentials

__all__ = ["application"]

_MATCH_ALL = frozenset({"id", "type", "version", "spec_version"})
_MATCH_ONE = frozenset({"version", "spec_version"})
_CHALLENGE = 'Basic realm="TAXII", charset="UTF-8", Bearer realm="TAXII"'
_MOST_HASHING = 2
_MOST_PARSING = 4


class Place(NamedTuple):
    """A collection as one user may use it."""

    offer: CollectionOffer
    alias: str
    can_read: bool
    can_write: bool


Endpoint = Callable[[Request, str], Awaitable[Response]]


def application(offer: Offer, store: Store, users: Users, attempts: Attempts | None = None) -> Starlette:
    """The server as an ASGI application."""
    server = _Server(offer, store, users, attempts or Attempts())
    collection = "/{root}/collections/{collection}/"
    routes = [
        ("/taxii2/", {"GET": server.discovery}),
        ("/{root}/", {"GET": server.root}),
        ("/{root}/status/{status}/", {"GET": server.status}),
        ("/{root}/collections/", {"GET": server.collections}),
        (collection, {"GET": server.collection}),
        (f"{collection}manifest/", {"GET": server.manifest}),
        (f"{collection}objects/", {"GET": server.objects, "POST": server.add}),
        (f"{collection}objects/{{object}}/", {"GET": server.object, "DELETE": server.delete}),
        (f"{collection}objects/{{object}}/versions/", {"GET": server.versions}),
    ]
    app = Starlette(
        routes=[Route(path, server.guarded(methods), methods=[*methods]) for path, methods in routes],
        exception_handlers={HTTPException: server.elsewhere},
    )
    app.router.redirect_slashes = False  # section 3.1: the path ends in a slash, or it is another
    return app


class _Server:
    """What the endpoints share."""

    def __init__(self, offer: Offer, store: Store, users: Users, attempts: Attempts) -> None:
        self._offer, self._store, self._users, self._attempts = offer, store, users, attempts
        self._hashing = threading.Semaphore(_MOST_HASHING)
        self._parsing = threading.Semaphore(_MOST_PARSING)

    def guarded(self, methods: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a path, behind the log-in and the media types."""

        async def endpoint(request: Request) -> Response:
            try:
                user = await self._user(request)
                if not is_acceptable(request.headers.get("accept")):
                    raise Refusal(406)
                return await methods["GET" if request.method == "HEAD" else request.method](request, user)
            except Refusal as refusal:
                return refused(refusal)
            except ClientDisconnect:
                return refused(Refusal(400))
            except StillwatchError as error:
                return failed(503, error)
            except Exception as error:
                return failed(500, error)

        return endpoint

    async def elsewhere(self, request: Request, error: Exception) -> Response:
        """The answer for a path that is none of ours, or a method that it does not have."""
        try:
            await self._user(request)
        except Refusal as refusal:
            return refused(refusal)
        status = error.status_code if isinstance(error, HTTPException) else 404
        return refused(Refusal(status, None, dict(getattr(error, "headers", None) or {})))

    async def discovery(self, request: Request, user: str) -> Response:
        """Section 4.1."""
        roots = [f"/{name}/" for name in self._offer.roots if any(True for _ in self._places(name, user))]
        told: dict[str, Any] = {"title": self._offer.title}
        told |= {"description": self._offer.description} if self._offer.description else {}
        told |= {"contact": self._offer.contact} if self._offer.contact else {}
        return answer(told | ({"default": roots[0], "api_roots": roots} if roots else {}))

    async def root(self, request: Request, user: str) -> Response:
        """Section 4.2."""
        root = self._offer.roots[self._root(request, user)]
        told: dict[str, Any] = {"title": root.title}
        told |= {"description": root.description} if root.description else {}
        length = self._offer.max_content_length
        return answer(told | {"versions": [MEDIA_TYPE], "max_content_length": length})

    async def status(self, request: Request, user: str) -> Response:
        """Section 4.3: only for who made the request."""
        root = self._root(request, user)
        body = await run_in_threadpool(self._store.status, request.path_params["status"], root, user)
        if body is None:
            raise Refusal(404)
        return answer(msgspec.Raw(body))

    async def collections(self, request: Request, user: str) -> Response:
        """Section 5.1: those that this user can read or write, in the order of the file."""
        places = [_resource(place) for place in self._places(self._root(request, user), user)]
        return answer({"collections": places} if places else {})

    async def collection(self, request: Request, user: str) -> Response:
        """Section 5.2."""
        return answer(_resource(self._place(request, user)))

    async def manifest(self, request: Request, user: str) -> Response:
        """Section 5.3."""
        place = self._readable(request, user)
        filters = _filters(request, _MATCH_ALL, LATEST)
        page = await self._page(place, filters, bodies=False)
        records = [
            {
                "id": row.id,
                "date_added": stamp(row.added),
                "version": row.version,
                "media_type": STIX_MEDIA_TYPE + row.spec,
            }
            for row in page.rows
        ]
        return paged("objects", records, page, filters)

    async def objects(self, request: Request, user: str) -> Response:
        """Section 5.4."""
        place = self._readable(request, user)
        filters = _filters(request, _MATCH_ALL, LATEST)
        page = await self._page(place, filters)
        return paged("objects", [msgspec.Raw(row.body or b"") for row in page.rows], page, filters)

    async def object(self, request: Request, user: str) -> Response:
        """Section 5.6."""
        place = self._readable(request, user)
        filters = _filters(request, _MATCH_ONE, LATEST)._replace(ids=(_object(request),))
        page = await self._found(place, filters)
        return paged("objects", [msgspec.Raw(row.body or b"") for row in page.rows], page, filters)

    async def versions(self, request: Request, user: str) -> Response:
        """Section 5.8."""
        place = self._readable(request, user)
        filters = _filters(request, frozenset({"spec_version"}), VERSIONS)._replace(ids=(_object(request),))
        page = await self._found(place, filters)
        return paged("versions", [row.version for row in page.rows], page, filters)

    async def delete(self, request: Request, user: str) -> Response:
        """Section 5.7: all versions of an object, or those that are named."""
        place = self._place(request, user)
        if not (place.can_read and place.can_write):
            raise Refusal(403)
        try:
            filters = read_filters(request.query_params.multi_items(), _MATCH_ONE, EVERYTHING, deleting=True)
        except ValueError as wrong:
            raise Refusal(400, str(wrong)) from None
        filters = filters._replace(ids=(_object(request),))
        shared = place.offer.shared
        try:
            gone = await run_in_threadpool(self._store.delete, place.offer.id, user, filters, anyone=shared)
        except TakenError:
            raise Refusal(403, "another user brought it, who alone may delete it") from None
        if not gone:
            raise Refusal(404)
        return answer(None)

    async def add(self, request: Request, user: str) -> Response:
        """Section 5.5: what can be added is, before the answer; the rest is in the status, one by one."""
        place = self._place(request, user)
        if not place.can_write:
            raise Refusal(403)
        if not is_sendable(request.headers.get("content-type")):
            raise Refusal(415)
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415)
        document = await body_of(request, self._offer.max_content_length)
        try:
            body = await run_in_threadpool(self._added, document, place, user)
        except InputError as wrong:
            raise Refusal(422, f"the envelope {wrong.what}") from None
        return answer(msgspec.Raw(body), 202)

    def _added(self, document: bytes, place: Place, user: str) -> bytes:
        began = now()
        bad: list[Outcome] = []
        good: list[StixObject] = []
        with self._parsing:
            for value in envelope(document):
                try:
                    good.append(read_object(value))
                except ValueError as wrong:
                    bad.append(Outcome(*_named(value), str(wrong)))
        told: list[Status] = []

        def report(outcomes: tuple[Outcome, ...]) -> Status:
            told.append(_status((*bad, *outcomes), began, place.offer.root))
            return told[-1]

        self._store.add(place.offer.id, user, good, anyone=place.offer.shared, report=report)
        return told[-1].body

    async def _user(self, request: Request) -> str:
        """Who asks. Raises `Refusal` 401, or 429 for an address that was often wrong."""
        pair = credentials(request.headers.get("authorization"))
        if pair is None:
            raise Refusal(401, None, {"www-authenticate": _CHALLENGE})
        if self._users.remembered(*pair):
            return pair[0]
        address = request.client.host if request.client else ""
        if not await run_in_threadpool(self._proved, pair, address):
            raise Refusal(401, None, {"www-authenticate": _CHALLENGE})
        return pair[0]

    def _proved(self, pair: tuple[str, str], address: str) -> bool:
        with self._hashing:
            wait = self._attempts.wait(address)
            if wait:
                raise Refusal(429, None, {"retry-after": str(int(wait) + 1)})
            if self._users.right(*pair):
                return True
            self._attempts.note(address)
            return False

    def _places(self, root: str, user: str) -> list[Place]:
        places = [
            Place(offer, alias, user in offer.read, user in offer.write)
            for alias, offer in self._offer.collections.items()
            if offer.root == root
        ]
        return [place for place in places if place.can_read or place.can_write]

    def _root(self, request: Request, user: str) -> str:
        root: str = request.path_params["root"]
        if root not in self._offer.roots or not self._places(root, user):
            raise Refusal(404)
        return root

    def _place(self, request: Request, user: str) -> Place:
        wanted = request.path_params["collection"]
        for place in self._places(self._root(request, user), user):
            if wanted in (place.offer.id, place.alias):
                return place
        raise Refusal(404)

    def _readable(self, request: Request, user: str) -> Place:
        place = self._place(request, user)
        if not place.can_read:
            raise Refusal(403)
        return place

    async def _page(self, place: Place, filters: Filters, *, bodies: bool = True) -> Page:
        return await run_in_threadpool(self._store.page, place.offer.id, filters, self._offer.page, bodies=bodies)

    async def _found(self, place: Place, filters: Filters) -> Page:
        """A page of one object's versions; 404 where none was ever meant, which a late page is not."""
        page = await self._page(place, filters)
        if not page.rows:
            any_time = filters._replace(after=-1, limit=1)
            if filters.after < 0 or not (await self._page(place, any_time, bodies=False)).rows:
                raise Refusal(404)
        return page


def _filters(request: Request, fields: frozenset[str], default: Filters) -> Filters:
    try:
        return read_filters(request.query_params.multi_items(), fields, default)
    except ValueError as wrong:
        raise Refusal(400, str(wrong)) from None


def _object(request: Request) -> str:
    identifier: str = request.path_params["object"]
    if not is_identifier(identifier):
        raise Refusal(404)
    return identifier


def _status(outcomes: tuple[Outcome, ...], began: int, root: str) -> Status:
    """The status resource (section 4.3.1): all is done when it is told."""
    details = [
        {"id": one.id, "version": one.version, **({} if one.message is None else {"message": one.message})}
        for one in outcomes
    ]
    failures = [detail for detail in details if "message" in detail]
    successes = [detail for detail in details if "message" not in detail]
    status: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "status": "complete",
        "request_timestamp": stamp(began),
        "total_count": len(details),
        "success_count": len(successes),
        **({"successes": successes} if successes else {}),
        "failure_count": len(failures),
        **({"failures": failures} if failures else {}),
        "pending_count": 0,
    }
    return Status(status["id"], root, msgspec.json.encode(status))


def _named(value: Any) -> tuple[str, str]:
    """Id and version of what is no valid object, where those are valid; never anything else of it."""
    said = value if isinstance(value, dict) else {}
    identifier, version = said.get("id"), said.get("modified", said.get("created"))
    try:
        version_key(version if isinstance(version, str) else "")
    except ValueError:
        version = "unknown"
    return (identifier if isinstance(identifier, str) and is_identifier(identifier) else "unknown", str(version))


def _resource(place: Place) -> dict[str, Any]:
    told: dict[str, Any] = {"id": place.offer.id, "title": place.offer.title, "alias": place.alias}
    told |= {"description": place.offer.description} if place.offer.description else {}
    rights = {"can_read": place.can_read, "can_write": place.can_write}
    return told | rights | {"media_types": [STIX_MEDIA_TYPE + spec for spec in reversed(SPEC_VERSIONS)]}
