"""The pictures that the docs use.

`UPDATE_PICTURES=1` writes them into docs/images; `pngquant --ext .png --force docs/images/*.png`
then makes them a third of the size. Else they are taken and thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.real.demo.demo import Room

_IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures go."""
    return _IMAGES if os.environ.get("UPDATE_PICTURES") == "1" else tmp_path


def test_pictures_are_taken(room: Callable[..., Room], folder: Path) -> None:
    """Flow, broken service, phone and event, each as the docs show it."""
    seen = room(height=1000)
    seen.page.locator("#load").focus()
    for _ in range(2):
        seen.page.keyboard.press("ArrowRight")
    seen.wait("shown('delivered') > 3000")
    seen.page.evaluate("document.activeElement.blur()")
    _picture(seen, folder / "demo-flow.png")

    seen.page.locator("#events button").nth(2).click()
    seen.page.locator("#event-attributes dd").first.wait_for()
    _picture(seen, folder / "demo-event.png")
    seen.page.close()

    dark = room(height=1000, color_scheme="dark")
    dark.press("service-down")
    dark.wait("shown('waiting') > 600")
    dark.page.mouse.move(5, 5)
    _picture(dark, folder / "demo-broken.png")
    dark.page.locator("#heal").click()
    dark.flows()
    dark.page.close()

    phone = room(375, 812)
    phone.press("service-422")
    phone.wait("shown('setAside') > 0")
    phone.page.locator(".adapter").evaluate("card => card.scrollIntoView({ block: 'start' })")
    _picture(phone, folder / "demo-phone.png")
    phone.page.locator("#heal").click()


def _picture(room: Room, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    taken = room.page.screenshot(path=file)
    assert taken.startswith(b"\x89PNG")


def test_the_docs_have_their_pictures() -> None:
    """Every picture that is taken is among those that are committed, and small."""
    for name in ("flow", "broken", "phone", "event"):
        assert (_IMAGES / f"demo-{name}.png").stat().st_size < 200_000
