"""Where a person who was touched is heard: one page without script or cookies, behind the provider's own TLS.

Whoever holds a reference (it was in the refusal that he got) may write why the decision is wrong, gets a ticket, and
can follow what becomes of it. What others wrote, why a machine decided and who else is meant is shown to nobody.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from stillwatch.campaigns.page import asset, environment, policy_hash
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.gateway.appeals.record import MOST_CONTACT, MOST_STATEMENT, Appeals, Touched

__all__ = ["application"]

MOST_BYTES = 32 * 1024
PER_MINUTE, PER_ADDRESS = 120, 12
_ADDRESSES = 10_000
_PACKAGE = "stillwatch.gateway"


class _Pace:
    """So many tries a minute, in all and from each address; addresses are held in memory for that minute only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque()
        self._each: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        now = self._clock()
        own = self._each.setdefault(address, deque())
        self._each.move_to_end(address)
        while len(self._each) > _ADDRESSES:
            self._each.popitem(last=False)
        for tries in (self._all, own):
            while tries and tries[0] <= now - 60:
                tries.popleft()
        if len(self._all) >= PER_MINUTE or len(own) >= PER_ADDRESS:
            return False
        self._all.append(now)
        own.append(now)
        return True


def application(
    appeals: Appeals,
    touched: Callable[[str], Touched | None],
    *,
    told: Callable[[str], None] = lambda reference: None,
    clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> Starlette:
    """The page as an ASGI application. ``touched`` says whom a reference belongs to (it may read a disk: it is asked in
    a thread), ``told`` is called with the reference of each appeal that was taken."""
    desk = _Desk(appeals, touched, told, clock)
    routes = (("/", desk.form), ("/status", desk.status))
    return Starlette(routes=[Route(path, answer, methods=["GET", "POST"]) for path, answer in routes])


class _Desk:
    """The two pages: to be heard, and to follow what becomes of it."""

    def __init__(
        self,
        appeals: Appeals,
        touched: Callable[[str], Touched | None],
        told: Callable[[str], None],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._appeals, self._touched, self._told, self._clock = appeals, touched, told, clock
        self._pace = _Pace()

    async def form(self, request: Request) -> Response:
        if request.method != "POST":
            return _page("form", reference=request.query_params.get("reference", "")[:40])
        said = await _fields(request, self._pace)
        if isinstance(said, Response):
            return said
        reference = said.get("reference", "").strip().upper()
        held: dict[str, Any] = {
            "reference": reference,
            "statement": said.get("statement", ""),
            "contact": said.get("contact", ""),
        }
        try:
            ticket = await run_in_threadpool(self._take, **held)
        except UsageError as error:
            return _page("form", 400, **held, wrong=_wrong(error))
        except StillwatchError:
            return _page("form", 503, **held, wrong=_LATER)
        return _page("taken", reference=reference, ticket=ticket)

    def _take(self, reference: str, statement: str, contact: str) -> str:
        whose = self._touched(reference)
        if whose is None:
            raise UsageError("We do not know this reference. Copy it from the message that you got.")
        ticket = self._appeals.open(
            reference,
            whose.account_id,
            whose.campaign_id,
            statement,
            contact,
            innocent=whose.innocent,
            now=self._clock(),
        )
        self._told(reference)
        return ticket

    async def status(self, request: Request) -> Response:
        if request.method != "POST":
            return _page("follow")
        said = await _fields(request, self._pace)
        if isinstance(said, Response):
            return said
        reference, ticket = said.get("reference", "").strip().upper(), said.get("ticket", "").strip()
        try:
            appeal = await run_in_threadpool(self._appeals.followed, reference, ticket)
        except StillwatchError:
            return _page("follow", 503, reference=reference, wrong=_LATER)
        if appeal is None:
            return _page("follow", 404, reference=reference, wrong="There is no appeal with this reference and ticket.")
        return _page("status", appeal=appeal)


_LATER = "This could not be kept just now. Nothing is lost on your side: please try again in a minute."


def _wrong(error: UsageError) -> str:
    return error.what if error.where is None else f"{error.where} {error.what}" + (f": {error.do}" if error.do else "")


async def _fields(request: Request, pace: _Pace) -> dict[str, str] | Response:
    """The form's fields, the first value of each; or the page that says why there are none."""
    if not pace.allows(request.client.host if request.client else ""):
        return _page("busy", 429, headers={"Retry-After": "60"})
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return _page("form", 413, wrong=f"That is too long: {MOST_STATEMENT} characters are read.")
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return _page("form", 415, wrong="Please use the form on this page.")
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return _page("form", 400, wrong="Please use the form on this page.")
    return {name: values[0] for name, values in fields.items()}


def _page(name: str, status: int = 200, *, headers: dict[str, str] | None = None, **values: object) -> Response:
    style = asset("style.css") + asset("appeal.css", _PACKAGE)
    text = (
        environment(_PACKAGE)
        .get_template("appeal.html")
        .render(
            {"reference": "", "statement": "", "contact": "", "wrong": "", "ticket": "", "appeal": None, **values},
            page=name,
            style=Markup(style),
            most_statement=MOST_STATEMENT,
            most_contact=MOST_CONTACT,
        )
    )
    policy = (
        f"default-src 'none'; style-src '{policy_hash(style)}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(
        text,
        status,
        headers={
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )
