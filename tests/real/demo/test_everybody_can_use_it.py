"""The page for everybody: axe finds nothing, on a phone, by keyboard, for ears, without motion."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.real.demo.demo import Room

_DISTINCT = """async () => {
  const canvas = document.getElementById("flow");
  const seen = new Set();
  for (let frame = 0; frame < 20; frame += 1) {
    await new Promise(requestAnimationFrame);
    seen.add(canvas.toDataURL());
  }
  return seen.size;
}"""

# Where one thing lies over another, axe leaves their contrast undecided.
_LIE_FLAT = """flat => {
  document.getElementById("flow").hidden = flat;
  for (const part of document.querySelectorAll(".say, .heal")) {
    part.style.position = flat ? "static" : "";
  }
  document.getElementById("log").style.maxBlockSize = flat ? "none" : "";
}"""

_FOCUSED = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const name = element.dataset.fault ?? (element.closest("#events") ? "event" : element.id);
  return [name || element.className || element.tagName, ring];
}"""


def _violations(room: Room) -> list[tuple[str, Any]]:
    from axe_playwright_python.sync_playwright import Axe

    room.page.evaluate(_LIE_FLAT, True)
    found = Axe().run(room.page).response
    room.page.evaluate(_LIE_FLAT, False)
    assert "color-contrast" in [each["id"] for each in found["passes"]]
    undecided = [
        (node["target"], [check["message"] for check in node["any"]])
        for each in found["incomplete"]
        for node in each["nodes"]
        if each["id"] == "color-contrast" and "#event" not in str(node["target"])  # it scrolls
    ]
    assert undecided == []
    return [
        (each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_axe_finds_nothing(room: Callable[..., Room], width: int, scheme: str) -> None:
    """No violation: when all is well, when all is broken, and with an event open."""
    seen = room(width, 900, color_scheme=scheme)
    seen.page.locator("#events button").first.wait_for()
    assert _violations(seen) == []
    faults = ("service-down", "service-slow", "service-429", "broker-down")
    for fault in faults:
        seen.press(fault)
    seen.wait("document.querySelectorAll('[aria-pressed=true]').length === value", len(faults))
    seen.wait("state('adapter') === 'cannot reach the broker'")
    assert _violations(seen) == []
    seen.page.locator("#heal").click()
    seen.flows()
    seen.page.locator("#events button").first.click()
    seen.page.locator("#event-attributes dd").first.wait_for()
    assert _violations(seen) == []


def test_it_fits_a_phone(room: Callable[..., Room]) -> None:
    """At 375 px nothing sticks out, and every button is as high as a finger needs."""
    seen = room(375, 812, has_touch=True, is_mobile=True)
    seen.page.locator("#events button").first.wait_for()
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 375
    heights = seen.page.locator("button:visible").evaluate_all(
        "buttons => buttons.map(button => button.getBoundingClientRect().height)"
    )
    assert len(heights) > 8
    assert min(heights) >= 44


def test_all_of_it_by_keyboard(room: Callable[..., Room]) -> None:
    """Tab leads to everything with a ring around it; keys break, heal, load, open and close."""
    seen = room()
    keyboard = seen.page.keyboard
    seen.page.locator("#events button").first.wait_for()
    reached: dict[str, bool] = {}
    for _ in range(40):
        keyboard.press("Tab")
        name, ring = seen.page.evaluate(_FOCUSED)
        reached[name] = reached.get(name, True) and ring
        if name == "log":
            break
    wanted = {"skip", "load", "broker-down", "adapter-kill", "service-down", "service-422"}
    assert wanted | {"heal", "event", "log"} <= reached.keys()
    assert all(reached.values()), reached

    seen.page.locator("[data-fault=service-429]").focus()
    keyboard.press("Space")
    seen.page.locator("[data-fault=service-429][aria-pressed=true]").wait_for()
    assert "429" in seen.page.locator("#log").inner_text()
    seen.page.locator("#heal").focus()
    keyboard.press("Enter")
    seen.page.locator("[data-fault=service-429][aria-pressed=false]").wait_for()

    seen.page.locator("#load").focus()
    keyboard.press("ArrowRight")
    seen.wait("document.getElementById('load-text').textContent === '100 a second'")
    keyboard.press("ArrowLeft")
    seen.wait("document.getElementById('load-text').textContent === '50 a second'")
    seen.flows()

    seen.page.locator("#events button").first.focus()
    keyboard.press("Enter")
    attributes = seen.page.locator("#event-attributes")
    attributes.locator("dd").first.wait_for()
    assert "dev.knative.kafka.event" in attributes.inner_text()
    assert '"order"' in seen.page.locator("#event-data").inner_text()
    keyboard.press("Escape")
    seen.page.locator("#event").wait_for(state="hidden")
    assert seen.page.evaluate(_FOCUSED)[0] == "event"


def test_changes_are_said_and_not_too_fast(room: Callable[..., Room]) -> None:
    """The live region tells what changed, at most every two seconds, however much happens."""
    seen = room()
    seen.page.evaluate("""() => {
      window.said = [];
      const region = document.getElementById("say");
      new MutationObserver(() => window.said.push([performance.now(), region.textContent]))
        .observe(region, { childList: true });
    }""")

    def on_and_off() -> None:
        seen.press("service-429")
        seen.page.locator("[data-fault=service-429][aria-pressed=true]").wait_for()
        seen.press("service-429")
        seen.page.locator("[data-fault=service-429][aria-pressed=false]").wait_for()

    # All of it may be quick enough for one sentence, and what happens right after that has to wait.
    for _ in range(3):
        on_and_off()
    seen.wait("window.said.length >= 1")
    on_and_off()
    seen.wait("window.said.length >= 2")
    said = seen.page.evaluate("window.said")
    assert "429" in said[0][1] or "429" in said[1][1] or "takes requests" in said[1][1]
    assert all(later[0] - earlier[0] >= 2000 for earlier, later in pairwise(said))
    assert seen.page.locator("#say").get_attribute("aria-live") == "polite"
    seen.flows()


def test_motion_is_a_choice(room: Callable[..., Room]) -> None:
    """The flow moves with every frame, and stands still for those who want no motion."""
    moving, still = room(), room(reduced_motion="reduce")
    assert moving.page.evaluate(_DISTINCT) > 10
    assert still.page.evaluate(_DISTINCT) <= 4
