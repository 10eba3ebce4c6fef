"""From a request to a page and back: who asks, may he, is the form ours; the page's function; its template."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stillwatch import __version__
from stillwatch.console.cookies import FORM, SAID, SESSION, Cookies
from stillwatch.console.material import Material
from stillwatch.console.page import MOST_SAID, Download, Given, Moved, Page, PageError, Person, Role, Shown, Visit
from stillwatch.console.paths import is_own, read_part
from stillwatch.console.places import Places
from stillwatch.console.rendering import environment
from stillwatch.console.security.desk import Desk
from stillwatch.console.security.sessions import Session
from stillwatch.console.security.tokens import new_token, sign, tag, unsign
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.listening import body_within

__all__ = ["CSRF", "MOST_BODY", "Answering", "Asked"]

CSRF = "csrf"
"""The field of each form that shows that it is one of ours."""
MOST_BODY = 2**20
PATIENCE = 30.0
MOST_FIELDS, MOST_QUERY, MOST_FORM = 5_000, 1_000, 20_000
NOBODY = Person("", Role.ANYONE)
_THEMES = ("light", "dark")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True)
class Asked:
    """A request as far as it was looked into: its cookies, whose session it belongs to, what signs its forms."""

    cookies: Mapping[str, str]
    session: Session | None
    person: Person
    anchor: str
    """What the form's token is a keyed hash of: the session, or for a stranger a random cookie."""
    new_form: str = ""


class Answering:
    """Answers for the pages of ``menu``, in its order."""

    def __init__(
        self, places: Places, material: Material, desk: Desk, pages: tuple[Page, ...], *, secure: bool
    ) -> None:
        self.places, self.material, self.desk, self.pages = places, material, desk, pages
        self.cookies = Cookies(desk.store.key, secure=secure)

    async def show(self, request: Request, page: Page) -> Response:
        """A page, for who may see it."""
        asked = await run_in_threadpool(self._look, request)
        refused = await self._may(request, asked, page.role, page.title or page.name)
        if refused is not None:
            return refused
        visit = self._visit(request, asked, Given(_parts(request), _query(request)))
        return await self._answer(request, asked, page, lambda: page.show(visit))

    async def act(self, request: Request, page: Page, name: str) -> Response:
        """Something done on a page, by who may do it, with a form of ours."""
        asked = await run_in_threadpool(self._look, request)
        if request.headers.get("origin") != request.state.origin:
            return await self._foreign(request, asked, "it came from another site")
        form = await _form(request)
        if isinstance(form, int):
            return self.error(request, asked, form)
        token = form.get(CSRF, [""])[0]
        if not hmac.compare_digest(self._token(asked).encode(), token.encode("utf-8", "replace")):
            return await self._foreign(request, asked, "its token is missing, or of another session")
        role, function = page.acts[name]
        refused = await self._may(request, asked, max(role, page.role), name)
        if refused is not None:
            return refused
        every = {key: tuple(value[:MOST_FORM] for value in values) for key, values in form.items() if key != CSRF}
        first = {key: values[0] for key, values in every.items()}
        visit = self._visit(request, asked, Given(_parts(request), _query(request), first, every))
        return await self._answer(request, asked, page, lambda: function(visit))

    async def failed(self, request: Request, status: int) -> Response:
        """The page of an error outside of all pages, such as a path that is none."""
        return self.error(request, await run_in_threadpool(self._look, request), status)

    def error(self, request: Request, asked: Asked | None, status: int, said: str = "") -> Response:
        """An error's page. It holds no trace, and quotes nothing that was sent."""
        values = {"status": status, "phrase": HTTPStatus(status).phrase, "said": said}
        return self._render(request, asked, None, Shown("error.html", values, status))

    def _look(self, request: Request) -> Asked:
        cookies = self.cookies.read(request.headers.get("cookie", ""))
        token = cookies.get(SESSION, "")
        session = self.desk.sessions.find(token) if token else None
        if session is not None:
            return Asked(cookies, session, Person(session.name, Role(session.role)), f"session {session.digest}")
        form, new = cookies.get(FORM, ""), ""
        if not form:
            form = new = new_token()
        return Asked(cookies, None, NOBODY, f"form {form}", new)

    def _token(self, asked: Asked) -> str:
        return tag(self.desk.store.key, CSRF, asked.anchor)

    def _visit(self, request: Request, asked: Asked, given: Given) -> Visit:
        return Visit(
            person=asked.person,
            given=given,
            places=self.places,
            material=self.material,
            desk=self.desk,
            address=request.state.address,
            session=asked.session,
            cookies=asked.cookies,
            origin=request.state.origin,
        )

    async def _may(self, request: Request, asked: Asked, role: Role, what: str) -> Response | None:
        """None where the person may; else the way to the log-in, or the page that says which role is needed."""
        if asked.person.role >= role:
            return None
        if asked.person.role is Role.ANYONE:
            here = _here(request) if request.method != "POST" else "/"
            return RedirectResponse("/login" if here == "/" else f"/login?back={quote(here, safe='/')}", 303)
        about = f"{what}: needs {role.word}, is {asked.person.role.word}"
        await run_in_threadpool(
            self.desk.audit, "refused", by=asked.person.name, about=about, address=request.state.address
        )
        said = f"This needs the role {role.word}, and yours is {asked.person.role.word}. An admin can change that."
        return self.error(request, asked, 403, said)

    async def _foreign(self, request: Request, asked: Asked, why: str) -> Response:
        """The answer to a form that is not ours; noted where it would have acted for somebody."""
        if asked.session is not None:
            await run_in_threadpool(
                self.desk.audit,
                "refused a form",
                by=asked.person.name,
                about=f"{why}: {request.scope['path']}",
                address=request.state.address,
            )
        return self.error(request, asked, 403, f"The form was not taken: {why}. Load the page anew and try again.")

    async def _answer(self, request: Request, asked: Asked, page: Page, call: Any) -> Response:
        try:
            made = await run_in_threadpool(call)
            if isinstance(made, Shown):
                return await run_in_threadpool(self._render, request, asked, page, made)
        except PageError as error:
            return self.error(request, asked, error.status, str(error))
        except UsageError as error:
            return self.error(request, asked, 400, str(error))
        except StillwatchError as error:
            return self.error(request, asked, 500, str(error))
        if isinstance(made, Download):
            name = _UNFIT.sub("-", made.name)[:100] or "download"
            return Response(
                made.content,
                media_type=made.media_type,
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )
        return self._moved(request, asked, made)

    def _moved(self, request: Request, asked: Asked, moved: Moved) -> Response:
        if moved.across:
            response = self._render(request, asked, None, Shown("onward.html", {"url": moved.url}))
        else:
            response = RedirectResponse(moved.url, 303)
        kept = dict(moved.cookies)
        if moved.session is not None:
            kept |= {SESSION: moved.session, FORM: ""}
        if moved.flash:
            kept[SAID] = sign(self.desk.store.key, SAID, moved.flash[:MOST_SAID])
        for name, value in kept.items():
            response.headers.append("Set-Cookie", self.cookies.write(name, value))
        return response

    def _render(self, request: Request, asked: Asked | None, page: Page | None, shown: Shown) -> Response:
        """A template, filled. ``asked`` is None where it is not known who asks: then the page has no menu."""
        cookies = {} if asked is None else asked.cookies
        person = NOBODY if asked is None else asked.person
        said = unsign(self.desk.store.key, SAID, cookies[SAID]) if cookies.get(SAID) else None
        theme = cookies.get("theme", "")
        token = "" if asked is None else self._token(asked)
        frame = {
            "person": person,
            "page": page,
            "csrf": Markup('<input type="hidden" name="{}" value="{}">').format(CSRF, token),
            "menu": self._menu(page, request, person),
            "say": said or "",
            "theme": theme if theme in _THEMES else "",
            "here": _here(request) if request.method == "GET" else "/",
            "version": __version__,
        }
        text = environment().get_template(shown.template).render({**shown.values, **frame})
        response = HTMLResponse(text, shown.status)
        if asked is not None and asked.new_form:
            response.headers.append("Set-Cookie", self.cookies.write(FORM, asked.new_form))
        if said is not None:
            response.headers.append("Set-Cookie", self.cookies.write(SAID, ""))
        return response

    def _menu(self, page: Page | None, request: Request, person: Person) -> list[dict[str, str]]:
        """The lines of the menu that this person may open; ``current`` is the page's, or that of what lies above it."""
        if person.role is Role.ANYONE:
            return []
        here = request.scope["path"]
        lines = []
        for one in self.pages:
            if one.title and one.role <= person.role:
                above = one.path != "/" and here.startswith(one.path + "/")
                current = "page" if here == one.path else "true" if above else ""
                lines.append({"path": one.path, "title": one.title, "current": current})
        return lines


def _here(request: Request) -> str:
    """Where the person is, to come back to."""
    query = request.scope["query_string"].decode("ascii", "replace")
    here = request.scope["path"] + (f"?{query}" if query else "")
    return here if is_own(here) and len(here) <= 2_000 else "/"


def _parts(request: Request) -> dict[str, str]:
    return {name: read_part(str(value)) for name, value in request.path_params.items()}


def _query(request: Request) -> dict[str, str]:
    text = request.scope["query_string"].decode("ascii", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=100, errors="surrogateescape")
    except ValueError:
        return {}
    return {name[:100]: values[0][:MOST_QUERY] for name, values in fields.items()}


async def _form(request: Request) -> dict[str, list[str]] | int:
    """The fields of a form; or the status of the error that says why there are none."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return 415
    try:
        async with asyncio.timeout(PATIENCE):
            body = await body_within(request.stream(), MOST_BODY)
    except TimeoutError:
        return 408
    except ClientDisconnect:
        return 400
    if body is None:
        return 413
    try:
        return parse_qs(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="surrogateescape",
        )
    except ValueError:
        return 400
