"""The picture of a campaign is moved by keys and pointer; and the pictures of the docs are made here.

``STILLWATCH_PICTURES=docs/console`` writes the pictures of docs/console.md anew.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from bench.console_browser import frames, interactive, until
from tests.console.browser.driving import PHONE, WIDE, Browsers, Window
from tests.console.browser.process import Console

PICTURES = {
    "today": ("/", "bo"),
    "campaign": ("/campaigns/C1", "bo"),
    "graph": ("/campaigns/C1/graph", "bo"),
    "decide": ("/decide/campaigns/C1", "bo"),
    "false-accusations": ("/false-accusations", "bo"),
    "today-phone": ("/", "bo"),
}
"""What is pictured: its address, and who looks."""
LARGEST = 150 * 2**10
DOCS = Path(__file__).parents[3] / "docs" / "console.md"


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_of_the_docs_is_made_and_small(
    browsers: Browsers, served: Console, tmp_path: Path, name: str
) -> None:
    path, who = PICTURES[name]
    window = browsers.window(served.url, who, viewport=PHONE if name.endswith("phone") else WIDE)
    window.go(path)
    if name == "graph":
        window.page.locator("canvas#graph").scroll_into_view_if_needed()
        drawn(window)
    folder = Path(os.environ.get("STILLWATCH_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.png"
    file.write_bytes(small(window.page.screenshot()))
    assert 5_000 < file.stat().st_size < LARGEST
    assert f"(console/{name}.png)" in DOCS.read_text("utf-8")


def small(png: bytes) -> bytes:
    """The same with 128 colours."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    with image.open(io.BytesIO(png)) as whole:
        written = io.BytesIO()
        whole.convert("RGB").quantize(128).save(written, "PNG", optimize=True)
    return written.getvalue()


def drawn(window: Window) -> Any:
    """What the canvas holds, once something was drawn on it."""
    until(window.page, "document.querySelector('[data-graph]').picture !== undefined")
    window.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return window.page.evaluate("document.querySelector('canvas#graph').toDataURL()")


def test_keys_and_pointer_move_the_picture_and_a_click_opens_what_it_shows(browsers: Browsers, served: Console) -> None:
    window = browsers.window(served.url, "vera")
    window.go("/campaigns/C1/graph")
    first = drawn(window)
    window.page.locator("canvas#graph").focus()
    seen = {first}
    for key in ("ArrowLeft", "ArrowUp", "+", "+", "n"):
        window.page.keyboard.press(key)
        seen.add(drawn(window))
    assert len(seen) == 6
    assert window.page.locator("#graph-said").inner_text()
    window.page.keyboard.press("Escape")
    window.page.keyboard.press("0")
    assert drawn(window) == first
    box = window.page.locator("canvas#graph").bounding_box()
    assert box is not None
    window.page.mouse.move(box["x"] + 30, box["y"] + 30)
    window.page.mouse.down()
    window.page.mouse.move(box["x"] + 130, box["y"] + 90, steps=5)
    window.page.mouse.up()
    assert drawn(window) != first
    window.page.get_by_role("button", name="Show all of it").click()
    window.page.locator("canvas#graph").focus()
    for _ in range(20):
        window.page.keyboard.press("n")
        if "Enter or a click opens it" in window.page.locator("#graph-said").inner_text():
            break
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    assert window.path.startswith(("/campaigns/C1/graph?open=", "/accounts/"))
    window.check_quiet()


def test_the_bench_tells_of_each_page_and_of_the_frames(browsers: Browsers, served: Console) -> None:
    context = browsers.window(served.url, "bo").context
    page = context.new_page()
    (today,) = interactive(page, served.url, {"today": "/"}, each=2)
    assert 0 < today["answered p50 ms"] <= today["interactive p95 ms"]  # type: ignore[operator]
    moved = frames(page, served.url, "/campaigns/C1/graph", moves=20)
    assert moved["nodes"]
    assert moved["frames"]
