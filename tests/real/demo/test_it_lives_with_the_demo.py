"""The page under load, through a restart of the demo, and with an event opened."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.real.demo.demo import Demo, Room

_FRAMES = """() => new Promise(done =>
  setTimeout(() => done(Number(document.body.dataset.frames)), 1000))"""


def test_the_flow_is_drawn_under_full_load(
    room: Callable[..., Room], record_property: Callable[[str, object], None]
) -> None:
    """At 5,000 orders a second the flow is drawn, and says how often."""
    seen = room()
    seen.page.locator("#load").focus()
    seen.page.keyboard.press("End")
    seen.wait("shown('rateOut') > 2000")
    seen.wait("Number(document.body.dataset.frames) > 0")
    frames = [seen.page.evaluate(_FRAMES) for _ in range(3)]
    record_property("frames", frames)
    sys.stdout.write(f"{frames} frames a second at {seen.number('rateOut')} events a second\n")
    assert min(frames) > 0
    seen.page.keyboard.press("Home")
    seen.page.keyboard.press("ArrowRight")
    seen.flows()
    assert seen.number("lost") == 0


def test_an_event_shows_its_attributes(room: Callable[..., Room]) -> None:
    """A click on an event shows all CloudEvents attributes and the beginning of its data."""
    seen = room()
    seen.page.locator("#events button").first.click()
    seen.page.locator("#event-attributes dd").first.wait_for()
    shown = seen.page.locator("#event-attributes").inner_text()
    for name in ("specversion", "id", "source", "type", "subject", "time", "partitionkey"):
        assert name in shown
    assert '"customer"' in seen.page.locator("#event-data").inner_text()
    seen.page.locator("#event-close").click()
    seen.page.locator("#event").wait_for(state="hidden")


def test_it_connects_again_when_the_demo_does(room: Callable[..., Room], demo: Demo) -> None:
    """Killed, the page says so; started anew, it goes on by itself with the new run's counts."""
    seen = room()
    seen.wait("shown('sent') > 100")
    demo.kill()
    seen.page.locator("#link[data-state=lost]").wait_for()
    demo.restart()
    seen.page.locator("#link[data-state=live]").wait_for()
    seen.flows()
    assert seen.number("lost") == 0
    assert seen.number("starts") == 1
