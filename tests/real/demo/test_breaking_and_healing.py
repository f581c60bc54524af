"""Each button in a real browser: it breaks something, the page shows it, healed nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.real.demo.demo import Room

_SHOWS = {
    "service-down": "state('adapter') === 'holds back, probes' && shown('waiting') > 60",
    "service-slow": "shown('inFlight') > 0",
    "service-429": "state('adapter') === 'holds back, probes' && shown('waiting') > 60",
    "service-500": "shown('retries') > value",
    "service-cut": "shown('duplicated') > value",
    "service-422": "shown('setAside') > value",
    "broker-down": "state('broker') === 'down' && state('adapter') === 'cannot reach the broker'",
}
_COUNTS = {"service-500": "retries", "service-cut": "duplicated", "service-422": "setAside"}


@pytest.mark.parametrize("fault", _SHOWS)
def test_what_is_broken_is_seen_and_healed(room: Callable[..., Room], fault: str) -> None:
    """Broken, the page shows it; healed by the same button, all flows again and 0 are lost."""
    seen = room()
    before = seen.number(_COUNTS[fault]) if fault in _COUNTS else 0
    button = seen.page.locator(f"[data-fault={fault}]")
    button.click()
    seen.wait(_SHOWS[fault], before)
    assert button.get_attribute("aria-pressed") == "true"
    assert seen.page.locator("#log [data-tone=bad]").count() >= 1
    button.click()
    seen.flows()
    assert button.get_attribute("aria-pressed") == "false"
    _nothing_is_lost(seen)


def test_a_killed_adapter_is_seen_and_replaced(room: Callable[..., Room]) -> None:
    """Kill -9: the page shows that it is gone, then the next one; nothing is lost."""
    seen = room()
    processes = seen.number("starts")
    seen.press("adapter-kill")
    seen.wait("state('adapter') === 'killed; a new one starts'")
    seen.wait("shown('starts') > value", processes)
    seen.flows()
    _nothing_is_lost(seen)


def test_everything_at_once_is_healed_by_one_button(room: Callable[..., Room]) -> None:
    """All that can be broken is broken, and one button heals it, without a loss."""
    seen = room()
    for fault in _SHOWS:
        seen.press(fault)
    seen.press("adapter-kill")
    seen.wait("document.querySelectorAll('[aria-pressed=true]').length === value", len(_SHOWS))
    seen.wait("state('adapter') === 'killed; a new one starts'")
    seen.page.locator("#heal").click()
    seen.flows()
    assert seen.page.locator("[aria-pressed=true]").count() == 0
    _nothing_is_lost(seen)


def test_all_who_watch_see_the_same(room: Callable[..., Room]) -> None:
    """What one browser breaks, another one shows, and can heal."""
    one, other = room(), room(375, 812)
    one.press("service-slow")
    other.page.locator("[data-fault=service-slow][aria-pressed=true]").wait_for()
    other.page.locator("#heal").click()
    one.page.locator("[data-fault=service-slow][aria-pressed=false]").wait_for()
    one.flows()


def _nothing_is_lost(seen: Room) -> None:
    assert seen.page.locator("#verdict").inner_text() == "Nothing lost."
    assert seen.number("lost") == 0
    assert seen.number("delivered") > 0
