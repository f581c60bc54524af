"""The control room as an application: files, commands, and scenarios that join by entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.unit.demo.playing import Bottle, accept, stage

from eventing_alibaba.cli.demo import scenario as scenario_module
from eventing_alibaba.cli.demo.assets import PAGE, Assets
from eventing_alibaba.cli.demo.performance import Performance
from eventing_alibaba.cli.demo.room import Room
from eventing_alibaba.cli.demo.scenario import GROUP, Scenario, found, load
from eventing_alibaba.cli.demo.web import Request, Response
from eventing_alibaba.testing.emulators import EmulatorUnavailableError


async def _get(room: Room, path: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await room(Request("GET", path, named))


async def _post(room: Room, path: str, value: Any) -> Response:
    return await room(Request("POST", path, body=orjson.dumps(value)))


def _playing(bottle: Bottle | None = None) -> tuple[Room, Performance]:
    bottle = bottle or Bottle()
    room, performance = Room(), Performance(stage(bottle), rate=20)
    room.open("bottle", bottle)
    room.play(performance)
    return room, performance


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two scenarios, `bottle` and `kafka`, as packages would declare them."""
    points = EntryPoints(
        EntryPoint(name, f"{Bottle.__module__}:Bottle", GROUP) for name in ("kafka", "bottle")
    )
    monkeypatch.setattr(scenario_module, "entry_points", points.select)


async def test_the_page_and_its_files_are_served() -> None:
    """Every file that the page names is there, with its type."""
    room, _ = _playing()
    page = await _get(room, "/")
    assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
    assert b'src="/js/main.js"' in page.body
    types = {"/style.css": "text/css", "/js/main.js": "text/javascript", "/icon.svg": "image/svg"}
    for path, kind in types.items():
        assert (await _get(room, path)).content_type.startswith(kind)


async def test_an_unchanged_file_is_not_sent_again() -> None:
    """A browser that has a file is told that it is good."""
    room, _ = _playing()
    tag = (await _get(room, "/style.css")).headers["ETag"]
    again = await _get(room, "/style.css", if_none_match=tag)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", ["/../command.py", "/js/../index.html", "/js", "/page/", "//"])
async def test_paths_lead_nowhere_else(path: str) -> None:
    """Only the names of the page's files are known; nothing is made into a path."""
    room, _ = _playing()
    with pytest.raises(LookupError):
        await _get(room, path)


def test_the_page_names_no_foreign_host() -> None:
    """Nothing is loaded from anywhere else at run time."""
    for file in PAGE.rglob("*"):
        if file.suffix in (".html", ".css", ".js"):
            text = file.read_text()
            assert "//cdn" not in text
            assert "https://" not in text
            assert "http://" not in text


async def test_commands_reach_the_run() -> None:
    """Break, heal and load act on the run that is on."""
    room, performance = _playing()
    await _post(room, "/break", {"fault": "service-429"})
    assert performance.look().state["active"] == ["service-429"]
    await _post(room, "/heal", {})
    assert performance.look().state["active"] == []
    await _post(room, "/load", {"rate": 500})
    assert performance.sender.rate == 500


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/break", {}),
        ("/break", {"fault": 1}),
        ("/break", []),
        ("/break", {"fault": "x"}),
        ("/load", {"rate": "5"}),
        ("/load", {"rate": True}),
        ("/load", {"rate": 1e9}),
        ("/source", {"source": "nothing"}),
        ("/nothing", {}),
    ],
)
async def test_senseless_commands_are_refused(path: str, value: Any) -> None:
    """A sentence for each, and no change."""
    room, performance = _playing()
    with pytest.raises((ValueError, LookupError)):
        await _post(room, path, value)
    assert (performance.look().state["active"], performance.sender.rate) == ([], 20)
    assert room.wanted is None


async def test_before_a_run_there_is_nothing_to_command() -> None:
    """While a broker starts, the page is there and commands say why they wait."""
    room = Room()
    room.open("bottle", Bottle())
    assert (await _get(room, "/")).status == 200
    with pytest.raises(ValueError, match="being started"):
        await _post(room, "/break", {"fault": "service-429"})


async def test_an_event_is_told_whole() -> None:
    """What the stream showed of an event leads to all of it."""
    room, performance = _playing()
    performance.stage.send(1)
    accept(performance.stage, 1)
    look = performance.look()
    room.show(look)
    told = orjson.loads((await _get(room, f"/event/{look.events[0]['key']}")).body)
    assert told["attributes"]["subject"] == "#1"
    for key in ("", "x", "9" * 30, "-1"):
        with pytest.raises(LookupError):
            await _get(room, f"/event/{key}")


@pytest.mark.usefixtures("installed")
async def test_another_source_joins_by_its_entry_point() -> None:
    """One that is installed is found, named to the page, and can be asked for."""
    assert found() == ["bottle", "kafka"]
    assert load("bottle").name == "Bottle"
    room, _ = _playing()
    assert room.stream.snapshot()["about"]["sources"] == ["bottle", "kafka"]
    await _post(room, "/source", {"source": "kafka"})
    assert room.wanted == "kafka"


async def test_a_source_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, and whoever asked reads what to install."""
    room = Room()
    room.open("kafka", Bottle())

    def load(name: str) -> Scenario:
        raise EmulatorUnavailableError(f"{name} needs a pigeon")

    monkeypatch.setattr("eventing_alibaba.cli.demo.room.load", load)
    with pytest.raises(ValueError, match="mns needs a pigeon"):
        await _post(room, "/source", {"source": "mns"})
    assert room.wanted is None


def test_an_unknown_source_is_told_what_there_is() -> None:
    """The sentence has the names of those that are installed."""
    with pytest.raises(LookupError, match="kafka"):
        load("pigeon")


async def test_a_story_brings_its_page(tmp_path: Path) -> None:
    """A scenario's own page is served below its name, and the control room links to it."""
    (tmp_path / "index.html").write_text("<title>story</title>")
    (tmp_path / "secret.txt").write_text("not served")
    bottle = Bottle()
    bottle.page = tmp_path
    room, _ = _playing(bottle)
    assert room.stream.snapshot()["about"]["story"] == "/stories/bottle/"
    assert (await _get(room, "/stories/bottle/")).body == b"<title>story</title>"
    with pytest.raises(LookupError):
        await _get(room, "/stories/bottle/secret.txt")


def test_the_version_follows_the_files(tmp_path: Path) -> None:
    """A page that was changed has another version, by which open ones load themselves again."""
    (tmp_path / "index.html").write_text("a")
    before = Assets(tmp_path).version
    assert Assets(tmp_path).version == before
    (tmp_path / "index.html").write_text("b")
    assert Assets(tmp_path).version != before
