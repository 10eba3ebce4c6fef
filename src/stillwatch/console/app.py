"""The console as an ASGI application: every page of the registry at its path, its acts below, files, errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from stillwatch.console.answering import Answering
from stillwatch.console.guard import Front, Guard
from stillwatch.console.material import Material
from stillwatch.console.page import Page
from stillwatch.console.pages import PAGES
from stillwatch.console.places import Places
from stillwatch.console.rendering import STATIC, assets, environment
from stillwatch.console.security.desk import Desk

__all__ = ["application"]

Endpoint = Callable[[Request], Awaitable[Response]]
_FOREVER = "public, max-age=31536000, immutable"


def application(places: Places, front: Front, desk: Desk, pages: Iterable[Page] | None = None) -> ASGIApp:
    """The application over ``places``, reached at ``front``, for the people of ``desk``; ``pages`` are those of the
    registry where not given."""
    chosen = tuple(page for _, page in PAGES.all()) if pages is None else tuple(pages)
    answering = Answering(places, Material(places), desk, chosen, secure=front.secure)
    routes = [Route(STATIC + "{name}", _file(answering), methods=["GET"])]
    for page in chosen:
        routes.append(Route(page.path, _shown(answering, page), methods=["GET"]))
        routes += [
            Route(f"{page.path.rstrip('/')}/{name}", _done(answering, page, name), methods=["POST"])
            for name in page.acts
        ]

    async def failed(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return await answering.failed(request, status)

    handled = ExceptionMiddleware(Router(routes, redirect_slashes=False), handlers={HTTPException: failed})
    return Guard(handled, front, _bare)


def _shown(answering: Answering, page: Page) -> Endpoint:
    async def show(request: Request) -> Response:
        return await answering.show(request, page)

    return show


def _done(answering: Answering, page: Page, name: str) -> Endpoint:
    async def act(request: Request) -> Response:
        return await answering.act(request, page, name)

    return act


def _file(answering: Answering) -> Endpoint:
    async def file(request: Request) -> Response:
        found = assets().get(request.path_params["name"])
        if found is None:
            return await answering.failed(request, 404)
        same = request.headers.get("if-none-match") == f'"{found.version}"'
        fresh = request.query_params.get("v") == found.version
        headers = {"ETag": f'"{found.version}"', "Cache-Control": _FOREVER if fresh else "no-cache"}
        if same:
            return Response(status_code=304, headers=headers)
        return Response(found.content, headers={**headers, "Content-Type": found.media_type})

    return file


def _bare(status: int, said: str) -> Response:
    """An error's page where it is not known who asks, or nothing of the request may be believed."""
    values = {"status": status, "phrase": HTTPStatus(status).phrase, "said": said}
    return HTMLResponse(environment().get_template("bare.html").render(values), status)
