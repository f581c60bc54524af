"""A demo and a browser for each module; a page for each test, which must run without errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.real.demo.demo import Chromium, Demo, Room
from tests.real.servers.started import started

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. It ends with the module: while it is there, no event loop can run here."""
    with started(Chromium()) as running:
        yield running


@pytest.fixture(scope="module")
def demo(browser: Browser) -> Iterator[Demo]:
    """A demo that sends fifty orders a second."""
    with Demo("--rate", "50") as running:
        yield running


@pytest.fixture
def room(browser: Browser, demo: Demo) -> Iterator[Callable[..., Room]]:
    """A function that opens the control room in a browser of its own."""
    troubles: list[str] = []
    contexts = []

    def open_room(width: int = 1440, height: int = 900, **wishes: Any) -> Room:
        context = browser.new_context(viewport={"width": width, "height": height}, **wishes)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda said: (
                troubles.append(said.text)
                if said.type == "error" and "ERR_" not in said.text  # a demo that is away
                else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((demo.url, "data:"))
                else troubles.append(f"it asked for {asked.url}")
            ),
        )
        page.goto(demo.url)
        found = Room(page)
        found.flows()
        return found

    yield open_room
    for context in contexts:
        context.close()
    demo.heal()
    assert troubles == []
