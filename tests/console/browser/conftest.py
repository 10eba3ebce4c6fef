from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.console.browser.driving import CHROMIUM, Browsers, started
from tests.console.browser.process import Console, console
from tests.console.browser.worlds import World, made_world


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for the tests of a file; it ends with them, since its event loop stays in the way of other tests."""
    if find_spec("playwright") is None:
        pytest.skip("Playwright is not installed: no browser to drive")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with started() as browser:
        yield browser


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A scanned world that nobody writes into."""
    return made_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def kept(chromium: Any) -> Browsers:
    return Browsers(chromium)


@pytest.fixture
def browsers(kept: Browsers) -> Iterator[Browsers]:
    yield kept
    kept.close()


@pytest.fixture(scope="module")
def served(made_once: World, tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Console]:
    """A console over a copy of the world in which nobody decides anything."""
    folder = tmp_path_factory.mktemp("served")
    with console(*made_once.copy(folder).arguments, log=folder / "stderr") as running:
        yield running


@pytest.fixture(scope="module")
def desk(made_once: World, tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[tuple[Console, World]]:
    """A console over a copy of the world for the tests of one file to decide in."""
    folder = tmp_path_factory.mktemp("desk")
    world = made_once.copy(folder)
    with console(*world.arguments, log=folder / "stderr") as running:
        yield running, world
