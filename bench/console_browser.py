"""What a browser sees of the console: until a page can be used, and how evenly a large picture is moved.

Chromium without a window and without a graphics card, on the machine that serves too: a person's browser is quicker.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

__all__ = ["FRAME_BAR", "INTERACTIVE_BAR", "frames", "interactive", "until"]

INTERACTIVE_BAR = 1_000.0
"""Milliseconds until a page can be used."""
FRAME_BAR = 34.0
"""Milliseconds between two frames at the 95th percentile: thirty frames a second, without a graphics card."""
_TIMES = """() => {
  const told = performance.getEntriesByType("navigation")[0];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [told.responseEnd, paint.startTime, Math.max(paint.startTime, told.loadEventEnd)];
}"""
_COLLECT = """() => {
  window.frameTimes = [];
  let last = performance.now();
  const again = () => { window.frameLoop = requestAnimationFrame(look); };
  const look = now => { window.frameTimes.push(now - last); last = now; again(); };
  window.frameLoop = requestAnimationFrame(now => { last = now; again(); });
}"""


def interactive(page: Any, url: str, paths: dict[str, str], each: int) -> list[dict[str, object]]:
    """A row for each of ``paths`` (name to address): milliseconds from asking until its first paint and until it can be
    used, that is until its load event ended and so all of its scripts have run."""
    rows: list[dict[str, object]] = []
    for name, path in paths.items():
        times = []
        for _ in range(each):
            page.goto(url + path)
            until(page, "performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
            until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
            times.append(page.evaluate(_TIMES))
        answered, painted, loaded = np.percentile(np.array(times), [50, 95], axis=0).T
        rows.append(
            {"page": name, "loads": each, "answered p50 ms": float(answered[0]), "painted p50 ms": float(painted[0]),
             "interactive p50 ms": float(loaded[0]), "interactive p95 ms": float(loaded[1]),
             "within": "yes" if loaded[1] <= INTERACTIVE_BAR else "NO"}
        )  # fmt: skip
    return rows


def frames(page: Any, url: str, path: str, moves: int = 300) -> dict[str, object]:
    """One row: milliseconds between frames while the picture at ``path`` is dragged by ``moves`` moves of the pointer,
    after it was made four times as large."""
    page.goto(url + path)
    until(page, "document.querySelector('[data-graph]').picture !== undefined")
    canvas = page.locator("canvas#graph")
    canvas.scroll_into_view_if_needed()
    canvas.focus()
    for _ in range(6):
        page.keyboard.press("+")
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate(_COLLECT)
    for step in range(moves):
        angle = step / 25
        page.mouse.move(middle[0] + 150 * float(np.sin(angle)), middle[1] + 100 * float(np.sin(angle / 2)))
    page.mouse.up()
    times = np.array(page.evaluate("cancelAnimationFrame(window.frameLoop), window.frameTimes"))
    p50, p95 = np.percentile(times, [50, 95])
    picture = "document.querySelector('[data-graph]').picture"
    nodes, lines = page.evaluate(f"[{picture}.nodes.length, {picture}.lines.length]")
    return {
        "picture": path, "nodes": nodes, "lines": lines, "frames": len(times), "p50 ms": float(p50),
        "p95 ms": float(p95), "longest ms": float(times.max()), "within": "yes" if p95 <= FRAME_BAR else "NO",
    }  # fmt: skip


def until(page: Any, true: str, seconds: float = 60.0) -> None:
    """Wait until an expression is true. Playwright's own way evaluates text in the page, which its policy forbids."""
    ends = time.monotonic() + seconds
    while not page.evaluate(true):
        if time.monotonic() > ends:
            raise TimeoutError(f"{page.url}: not within {seconds:g} seconds: {true}")
        page.wait_for_timeout(20)
