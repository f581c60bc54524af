"""What people see of a demo: a line for each event, and below them one line of counts.

On a terminal the counts stay on the last line and are written anew; elsewhere they are written as a
line once in a while. More events than an eye can follow are left out, and their number is told.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from typing import Final, TextIO

from eventing_alibaba.cli.demo.ledger import Tally
from eventing_alibaba.cli.demo.stage import Arrival, Stage

_MOST_LINES: Final = 8
"""Events shown of those that arrived since the last look, a tenth of a second ago."""

_COUNTS_EVERY: Final = 5.0


class Show:
    """Writes to `out`; no colours where NO_COLOR is set or `out` is no terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._colours = self._terminal and not os.environ.get("NO_COLOR")
        self._counts = ""
        self._counts_due = 0.0

    def page(self, url: str, *, taken: int | None = None) -> None:
        """Say where the page is; `taken` is the port it should have had."""
        if taken is not None:
            self._line(f"Port {taken} is taken, so the page has another one.")
        self._line(f"Watch it, and break it, at {self._bold(url)}")
        self._line("")

    def opening(self, stage: Stage, rate: float) -> None:
        """Say what runs where."""
        name = stage.scenario.name
        self._line(f"{rate:g} orders a second go through {name} to a service on this machine.")
        self._line("")
        self._line(f"  {name:<9}{stage.scenario.place()}")
        self._line(f"  adapter  eventing-alibaba run -f {stage.manifest}")
        self._line(f"  service  {stage.service.url} answers every event with 204")
        self._line("")
        if stage.scenario.note:
            self._line(stage.scenario.note)
        self._line("Ctrl-C ends all of it.")
        self._line("")

    def adapter(self, url: str) -> None:
        """Say where the adapter tells its status."""
        self._line(self._dim(f"the adapter tells how it is at {url}"))

    def troubles(self, sentences: Iterable[str]) -> None:
        """Show what the adapter complained about."""
        for sentence in sentences:
            self._line(f"adapter: {plain(sentence)}")

    def arrivals(self, arrived: Iterable[Arrival]) -> None:
        """Show events that have arrived."""
        more = 0
        for number, arrival in enumerate(arrived):
            if number < _MOST_LINES:
                self._line(self._event(arrival))
            else:
                more += 1
        if more:
            self._line(self._dim(f"... and {more} more"))

    def counts(self, tally: Tally) -> None:
        """Show the counts."""
        text = (
            f"sent {tally.sent}   delivered {tally.delivered}   on the way {tally.waiting}   "
            f"duplicated {tally.duplicated}   lost {tally.lost}"
            + (f"   set aside {tally.set_aside}" if tally.set_aside else "")
        )
        if self._terminal:
            self._counts = text
            self._write(self._last_line())
        elif text != self._counts and time.monotonic() >= self._counts_due:
            self._counts = text
            self._counts_due = time.monotonic() + _COUNTS_EVERY
            self._line(text)

    def result(self, tally: Tally, seconds: float) -> None:
        """Show what came of it all."""
        self._counts = ""
        for line in table(tally):
            self._line(line)
        if tally.waiting:
            self._line(f"{'not yet':<12}{tally.waiting:>8}")
        verdict = "nothing was lost" if not tally.lost else f"{tally.lost} lost"
        self._line(f"\n{verdict}; {seconds:.1f} s")

    def _event(self, arrival: Arrival) -> str:
        event = arrival.event
        if arrival.aside:
            took = "set aside"
        else:
            took = "again" if arrival.seconds is None else f"{arrival.seconds * 1000:.1f} ms"
        head = f"{plain(event.type)}  "
        subject = f"{event.attributes.get('subject', '-')!s:<15}"
        data = plain((event.data or b"").decode(errors="replace"))
        width = shutil.get_terminal_size((100, 24)).columns if self._terminal else 160
        room = max(width - len(head) - len(subject) - len(took) - 5, 10)
        data = data if len(data) <= room else data[: room - 1] + "…"
        return f"{self._dim(head)}{plain(subject)}  {data}  {self._dim(took)}"

    def _line(self, text: str) -> None:
        if self._terminal:
            self._write(f"\r\033[K{text}\n{self._last_line()}")
        else:
            self._write(f"{text}\n")

    def _last_line(self) -> str:
        width = shutil.get_terminal_size((100, 24)).columns
        return f"\r\033[K{self._counts[: width - 1]}"

    def _dim(self, text: str) -> str:
        return f"\033[2m{text}\033[0m" if self._colours else text

    def _bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._colours else text

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def table(tally: Tally) -> list[str]:
    """Return the counts as the lines of a small table."""
    rows = ("sent", "delivered", "duplicated", "lost")
    return [f"{name:<12}{getattr(tally, name):>8}" for name in rows]


def plain(text: str) -> str:
    """Return text that stays on its line and leaves the terminal alone."""
    return "".join(c if c.isprintable() else "·" for c in text)
