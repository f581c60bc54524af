"""The demo until somebody ends it: a run after the other, on the terminal and in the browser.

The page's server is there from the beginning to the end, so a browser sees a run end and the next
one begin; the broker, the service and the adapter belong to a run.
"""

from __future__ import annotations

import asyncio
import errno
import webbrowser
from dataclasses import dataclass
from typing import Final

from eventing_alibaba.cli.demo.performance import Performance
from eventing_alibaba.cli.demo.play import Outcome, Signals, finish, until
from eventing_alibaba.cli.demo.room import Room
from eventing_alibaba.cli.demo.scenario import Scenario, load
from eventing_alibaba.cli.demo.show import Show
from eventing_alibaba.cli.demo.stage import Stage
from eventing_alibaba.cli.demo.web import WebServer
from eventing_alibaba.contract.clock import now

_LOOK: Final = 0.1
_LAST_ONES: Final = 2.5
_MOST_PATIENCE: Final = 8.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the flags ask for.

    Attributes:
        source: name of the scenario.
        rate: messages a second to begin with.
        port: of the page; another one if it is taken.
        service_port: of the service, 0 = a free one.
        browser: open the page in one.
    """

    source: str
    rate: float
    port: int
    service_port: int = 0
    browser: bool = False


async def live(wishes: Wishes, show: Show, *, first: Scenario | None = None) -> Outcome:
    """Run until a signal, or until an adapter gives up for good.

    `first` is played instead of the scenario that `wishes.source` names.
    """
    room = Room()
    server = WebServer(room)
    with Signals() as signals:
        try:
            port = await _listen(server, wishes.port)
            url = f"http://127.0.0.1:{port}/"
            taken = wishes.port if port != wishes.port and wishes.port else None
            show.page(url, taken=taken)
            if wishes.browser:
                asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)
            name, scenario = wishes.source, first or load(wishes.source)
            while True:
                room.open(name, scenario)
                outcome = await _run(wishes, scenario, room, show, signals)
                if room.wanted is None or signals.stop.is_set() or outcome.failure:
                    return outcome
                name, scenario = room.wanted, load(room.wanted)
        finally:
            await server.close()


async def _run(
    wishes: Wishes, scenario: Scenario, room: Room, show: Show, signals: Signals
) -> Outcome:
    stop = signals.stop
    stage = Stage(scenario, service_port=wishes.service_port, restart=True)
    signals.hurry = stage.hurry
    async with stage, Performance(stage, rate=wishes.rate) as performance:
        began, shown = now(), False
        show.opening(stage, wishes.rate)
        room.play(performance)

        def look() -> int:
            found = performance.look()
            troubles = stage.adapter.troubles
            show.troubles(troubles.popleft() for _ in range(len(troubles)))
            show.arrivals(found.arrived)
            show.counts(found.tally)
            room.show(found)
            return found.tally.waiting

        while not stop.is_set() and not stage.adapter.ended.done() and room.wanted is None:
            if not shown and stage.adapter.status_url:
                shown = True
                show.adapter(stage.adapter.status_url)
            look()
            await until(stop, _LOOK)
        await performance.stop_sending()
        seconds = now() - began
        # An adapter that waits for a broken broker or service would not end in order.
        await performance.heal()
        deadline, before = now() + _LAST_ONES, look() + 1
        while (waiting := look()) and now() < deadline and not stage.adapter.ended.done():
            # A queue that gets shorter is given some more time, but not for ever.
            if waiting < before and deadline < began + seconds + _MOST_PATIENCE:
                deadline = now() + _LAST_ONES
            before = min(waiting, before)
            await asyncio.sleep(_LOOK)
        failure = await finish(stage)
        look()
        # What the broker still has is not lost, only not delivered when somebody ended it all.
        return Outcome(stage.ledger.tally(), seconds, stop.is_set(), failure)


async def _listen(server: WebServer, port: int) -> int:
    try:
        return await server.start(port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return await server.start(0)
