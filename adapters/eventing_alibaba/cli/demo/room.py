"""The control room: the page, its stream and its commands, over whichever run is on just now.

- `GET /`: the page and its files; below `/stories/<source>/` those that a scenario brings.
- `GET /stream`: what happens (see `stream`); `GET /event/<key>`: all about one event of it.
- `POST /break {"fault": name}`, `POST /heal {"fault": name}`, or `{}` to heal everything.
- `POST /load {"rate": messages a second}`.
- `POST /source {"source": name}`: another scenario, and with it a new run.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import orjson

from eventing_alibaba.cli.demo.assets import Assets
from eventing_alibaba.cli.demo.faults import FAULTS, described
from eventing_alibaba.cli.demo.performance import MOST_RATE, Look, Performance
from eventing_alibaba.cli.demo.scenario import Breakable, Scenario, found, load
from eventing_alibaba.cli.demo.stream import Stream
from eventing_alibaba.cli.demo.web import Request, Response
from eventing_alibaba.testing.emulators import EmulatorUnavailableError

_EVENT: Final = "/event/"


class Room:
    """The application that the web server serves.

    Attributes:
        stream: what clients follow.
        wanted: the scenario that somebody has asked for, until it is given.
    """

    def __init__(self, assets: Assets | None = None) -> None:
        self.stream = Stream()
        self.wanted: str | None = None
        self._assets = assets or Assets()
        self._playing: Performance | None = None

    def open(self, name: str, scenario: Scenario) -> None:
        """Announce a run of the scenario of this name; its broker may not be there yet."""
        self.wanted = None
        self._playing = None
        if scenario.page is not None:
            self._assets.add(f"/stories/{name}/", scenario.page)
        own = scenario.faults if isinstance(scenario, Breakable) else ()
        self.stream.begin(
            {
                "run": secrets.token_hex(4),
                "version": self._assets.version,
                "source": name,
                "sources": found(),
                "broker": scenario.name,
                "note": scenario.note,
                "story": None if scenario.page is None else f"/stories/{name}/",
                "faults": described((*FAULTS, *own), scenario.name),
                "mostRate": MOST_RATE,
            }
        )

    def play(self, performance: Performance) -> None:
        """Take commands for this run from now on."""
        self._playing = performance

    def show(self, look: Look) -> None:
        """Tell everybody who follows."""
        self.stream.publish(look.state, look.events, look.log)

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises LookupError (404) and ValueError (400) with a sentence."""
        if request.method == "POST":
            await self._command(request.path, _object(request.body))
            return Response.json({"done": True})
        if request.path == "/stream":
            stream = None if request.method == "HEAD" else self.stream.follow()
            return Response(content_type="text/event-stream", stream=stream)
        if request.path.startswith(_EVENT):
            key = request.path.removeprefix(_EVENT)
            if not (key.isascii() and key.isdigit() and len(key) < 16):
                raise LookupError(f"{key[:20]!r} is no event's key")
            return Response.json(self._performance().event(int(key)))
        return self._file(request)

    def _file(self, request: Request) -> Response:
        asset = self._assets.get(request.path)
        if asset is None:
            raise LookupError(f"there is no page {request.path[:100]!r}")
        headers = {"ETag": asset.tag}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(304, content_type=asset.content_type, headers=headers)
        return Response(200, asset.body, asset.content_type, headers)

    async def _command(self, path: str, given: dict[str, Any]) -> None:
        if path == "/break":
            await self._performance().break_(_text(given, "fault"))
        elif path == "/heal":
            await self._performance().heal(_text(given, "fault") if "fault" in given else None)
        elif path == "/load":
            rate = given.get("rate")
            if isinstance(rate, bool) or not isinstance(rate, int | float):
                raise ValueError(f"rate must be a number, got {str(rate)[:50]!r}")
            self._performance().load(rate)
        elif path == "/source":
            name = _text(given, "source")
            if name not in found():
                raise LookupError(f"there is no source {name[:50]!r}; there are {found()}")
            try:
                load(name)
            except EmulatorUnavailableError as error:
                raise ValueError(str(error)) from error
            self.wanted = name
        else:
            raise LookupError(f"there is no command {path[:50]!r}")

    def _performance(self) -> Performance:
        if self._playing is None:
            raise ValueError("the broker is being started: try again in a moment")
        return self._playing


def _object(body: bytes) -> dict[str, Any]:
    value = orjson.loads(body or b"{}")
    if not isinstance(value, dict):
        msg = f"the body must be a JSON object, got {type(value).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - what the caller sent is wrong, not our code
    return value


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {str(value)[:50]!r}")  # noqa: TRY004
    return value
