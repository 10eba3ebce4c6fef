"""What every request meets first, and what every answer bears: over real HTTP, errors and files included."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.console.guard import HEADERS, POLICY, Front
from stillwatch.console.page import Download, Moved, Page, PageError, Role, Shown, Visit
from stillwatch.console.paths import is_own, link, read_part
from stillwatch.console.rendering import assets
from stillwatch.console.serving import Reached, front_of
from stillwatch.errors import InputError, UsageError
from tests.console.served import Served, serving


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One console for all: what is refused at the door changes nothing."""
    with serving(tmp_path_factory.mktemp("console")) as served:
        yield served


def raw(console: Served, request: bytes) -> bytes:
    """What is answered to bytes that no careful client would send."""
    parts = urlsplit(console.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), 10) as wire:
        wire.sendall(request)
        held = b""
        while piece := wire.recv(65536):
            held += piece
    return held


def asked(console: Served, line: str, host: str | None = None, more: str = "") -> bytes:
    name = urlsplit(console.url).netloc if host is None else host
    return raw(console, f"{line} HTTP/1.1\r\nHost: {name}\r\n{more}Connection: close\r\n\r\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /login", 200),
        ("HEAD /login", 200),
        ("GET /static/console.css", 200),
        ("GET /", 303),
        ("GET /nothing", 404),
        ("POST /login", 405),
        ("GET /login/enter", 405),
        ("PUT /login", 405),
        ("OPTIONS /login", 405),
        ("TRACE /login", 405),
        ("GET /static/none.css", 404),
        ("GET /welcome/x", 404),
        ("GET /" + "a" * 9000, 414),
        ("POST /login/enter", 403),
    ],
)
def test_every_answer_bears_the_headers_that_make_a_browser_careful(console: Served, line: str, status: int) -> None:
    head = asked(console, line).partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    assert head[0].split()[1] == str(status)
    held = {name.lower(): value for name, _, value in (one.partition(": ") for one in head[1:])}
    for name, value in HEADERS.items():
        assert held[name.lower()] == value
    assert held["cache-control"] == ("no-cache" if status == 200 and "static" in line else "no-store")
    assert "server" not in held
    assert "strict-transport-security" not in held


def test_the_policy_lets_nothing_in_from_elsewhere_and_no_inline_script() -> None:
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8491", "127.0.0.1.evil.example", "127.0.0.2", "", "[::2]"]
)
def test_a_name_that_points_here_by_an_attackers_will_is_refused(console: Served, host: str) -> None:
    answer = asked(console, "GET /login", host)
    assert answer.split()[1] in (b"421", b"400")
    assert b"password" not in answer


def test_two_host_headers_are_refused_and_localhost_is_known(console: Served) -> None:
    port = urlsplit(console.url).port
    assert asked(console, "GET /login", more="Host: evil.example\r\n").split()[1] in (b"400", b"421")
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert asked(console, "GET /login", host).split()[1] == b"200"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../templates/base.html",
        "/static/..%2ftemplates%2fbase.html",
        "/static/%2e%2e/%2e%2e/page.py",
        "/static/%2e%2e%2f%2e%2e%2fpage.py",
        "/static/....//page.py",
        "/static//etc/passwd",
        "/static/%00console.css",
        "/static/console.css%00",
        "/static/console.css/",
        "/static/..\\page.py",
        "/static/",
        "/static",
    ],
)
def test_no_path_leads_out_of_the_files_that_pages_load(console: Served, path: str) -> None:
    answer = asked(console, f"GET {path}")
    assert answer.split()[1] in (b"404", b"400")
    assert b"root:" not in answer
    assert b"{%" not in answer


def test_files_are_kept_by_browsers_as_long_as_they_are_the_same(console: Served) -> None:
    browser = console.browser()
    found = assets()["console.css"]
    fresh = browser.get(f"/static/console.css?v={found.version}")
    assert fresh.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fresh.headers["content-type"] == "text/css; charset=utf-8"
    assert fresh.content == found.content
    again = browser.get("/static/console.css", If_None_Match=fresh.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_form_that_is_too_large_is_refused_without_being_held(console: Served) -> None:
    browser = console.browser()
    answer = browser.post("/login/enter", {"name": "x" * (2**20 + 1)})
    assert answer.status_code == 413
    assert "one mebibyte" in answer.text


def test_what_is_no_form_is_refused(console: Served) -> None:
    browser = console.browser()
    headers = {"origin": console.url, "content-type": "application/json"}
    assert browser.client.post("/login/enter", content=b"{}", headers=headers).status_code == 415
    many = "&".join(f"f{n}=1" for n in range(6000))
    headers["content-type"] = "application/x-www-form-urlencoded"
    assert browser.client.post("/login/enter", content=many.encode(), headers=headers).status_code == 400


def _broken(visit: Visit) -> Shown:
    raise RuntimeError("\x1b[31msecret detail of the defect\u202e")


def _line(visit: Visit) -> Shown:
    raise InputError("cannot be read", "run/<script>\u202e", "scan again")


def _gone(visit: Visit) -> Shown:
    raise PageError("is in no run", visit.given.path["thing"])


def _echo(visit: Visit) -> Shown:
    return Shown("error.html", {"status": 200, "phrase": "OK", "said": repr(visit.given.path["thing"])})


def _file(visit: Visit) -> Download:
    return Download(b"a,b\r\n", 'na"me\r\nX-Evil: 1.csv', "text/csv")


MADE = tuple(
    Page(name=name, title="", path=path, role=Role.ANYONE, show=show)
    for name, path, show in (
        ("broken", "/broken", _broken),
        ("line", "/line", _line),
        ("gone", "/gone/{thing}", _gone),
        ("echo", "/echo/{thing}", _echo),
        ("file", "/file", _file),
        ("moved", "/moved", lambda visit: Moved("/login")),
    )
)


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A console with pages that go wrong."""
    from stillwatch.console import app  # noqa: PLC0415

    monkeypatch.setattr(app, "PAGES", type("Pages", (), {"all": staticmethod(lambda: ((p.name, p) for p in MADE))})())
    with serving(tmp_path) as served:
        yield served


def test_a_defect_shows_no_trace_and_is_found_in_the_log(odd: Served, caplog: pytest.LogCaptureFixture) -> None:
    answer = odd.browser().get("/broken")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    (record,) = (r for r in caplog.records if r.name == "stillwatch.console")
    told = record.getMessage()
    assert told.split(":")[0] in answer.text
    assert "secret detail" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_an_error_of_ours_is_its_own_line_and_inert(odd: Served) -> None:
    answer = odd.browser().get("/line")
    assert answer.status_code == 500
    assert "run/&lt;script&gt;⟨U+202E⟩: cannot be read; scan again" in answer.text
    gone = odd.browser().get("/gone/x%2Fy")
    assert gone.status_code == 404
    assert "x/y: is in no run" in gone.text


@pytest.mark.parametrize(
    "text", ["a/b", "..", ".", "", "~", "~..", "a b", "é", "%2F", "a?b#c", "\u202e", "\udcff", "{x}"]
)
def test_any_id_fits_into_an_address(odd: Served, text: str) -> None:
    path = link("/echo/{thing}", {"thing": text})
    answer = asked(odd, f"GET {path}")
    assert answer.split()[1] == b"200"
    assert read_part(path.removeprefix("/echo/")) == text


@given(st.text(st.characters(exclude_categories=())))
def test_an_address_gives_back_every_id_and_leads_nowhere_else(text: str) -> None:
    if any(0xD800 <= ord(c) < 0xDC80 or 0xDCFF < ord(c) <= 0xDFFF for c in text):
        return  # halves of characters that no file and no request can hold
    path = link("/echo/{thing}", {"thing": text}, page=2)
    assert is_own(path)
    part = path.removeprefix("/echo/").removesuffix("?page=2")
    assert "/" not in part
    assert part not in ("", ".", "..")
    assert read_part(part) == text


def test_a_download_has_a_name_of_ours(odd: Served) -> None:
    answer = odd.browser().get("/file")
    assert answer.headers["content-disposition"] == 'attachment; filename="na-me--X-Evil--1.csv"'
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_page_sends_nobody_away_from_the_console() -> None:
    for url in ("https://evil.example", "//evil.example", "/\\evil.example", "login", "/a\nb", ""):
        with pytest.raises(ValueError, match="paths of the console only"):
            Moved(url)


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        (Reached(host="0.0.0.0"), "without TLS"),
        (Reached(host="192.0.2.1"), "without TLS"),
        (Reached(host="console.example"), "without TLS"),
        (Reached(certificate=Path("x")), "belong together"),
        (Reached(host="0.0.0.0", certificate=Path("x"), key=Path("y")), "no name that people ask for"),
        (Reached(behind="console.example"), "no address of a proxy"),
        (Reached(behind="https://console.example", proxies=("somewhere",)), "no address or network"),
        (Reached(behind="https://console.example", names=("other",)), "has its name"),
        (Reached(proxies=("10.0.0.1",)), "stands before nothing"),
    ],
)
def test_nobody_else_reaches_it_without_tls_or_a_named_proxy(reached: Reached, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        front_of(reached)


def test_behind_a_proxy_its_name_is_the_one_and_cookies_travel_by_tls_only(tmp_path: Path) -> None:
    with serving(tmp_path, front=Front.behind("https://console.example:8443")) as served:
        assert asked(served, "GET /login").split()[1] == b"421"
        answer = httpx2.get(served.url + "/login", headers={"host": "console.example:8443"}, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["set-cookie"].startswith("__Host-")


def test_only_the_named_proxy_is_served_and_believed() -> None:
    behind = Front.behind("https://console.example", ("10.0.0.0/24",))
    assert behind.from_proxy("10.0.0.7")
    assert not behind.from_proxy("10.0.1.7")
    assert not behind.from_proxy("127.0.0.1")
    assert behind.caller("10.0.0.7", "203.0.113.9, 198.51.100.4") == "198.51.100.4"
    assert behind.caller("10.0.0.7", "nonsense") == "10.0.0.7"
    assert Front(names=frozenset()).caller("192.0.2.1", "203.0.113.9") == "192.0.2.1"


def test_others_than_the_proxy_see_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, front=Front.behind("http://127.0.0.1", ("10.0.0.1",))) as served:
        assert asked(served, "GET /login", "127.0.0.1").split()[1] == b"403"
