"""What a broker must offer so that the demo can show it, and how one is found.

A scenario owns a broker on this machine and the one who sends to it; it knows the manifest that
points an adapter at them, and what the messages are. Everything else of the demo, the page and its
server included, is the same for all of them.

One is found by its name in the entry-point group `eventing_alibaba.scenarios` and by nothing else,
so another source, or a story told with other messages on a page of its own, joins by a line in its
package's metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from eventing_alibaba.cli.demo.faults import Fault
from eventing_alibaba.cli.demo.orders import Order
from eventing_alibaba.testing.emulators import EmulatorUnavailableError

GROUP: Final = "eventing_alibaba.scenarios"


class Scenario(Protocol):
    """A broker, from `open` to `close`; may be opened again.

    Attributes:
        name: of the broker, for people.
        note: one sentence on how the emulated broker differs from a real one; "" = none to make.
        ordered: orders of one customer must arrive as they were sent.
        room: so many messages may wait in the broker; it might drop the oldest of more.
        page: a folder with an `index.html` of its own, served below `/stories/<entry point>/`;
            it shows the same stream of events. None = there is none.
    """

    name: str
    note: str
    ordered: bool
    room: int
    page: Path | None

    async def open(self) -> None:
        """Start the broker. Raises EmulatorUnavailableError saying what to install."""

    def place(self) -> str:
        """Return, once open, where the broker is, in a few words."""

    def manifest(self, sink: str) -> dict[str, Any]:
        """Return, once open, the source object for an adapter that delivers to the URL `sink`.

        Where its delivery has no dead-letter sink, the demo's is added.
        """

    def message(self, number: int) -> Order:
        """Return the message of this number, from 1; always the same for the same number."""

    def number_of(self, data: bytes | None) -> int | None:
        """Return the number of the message in an event's data; None where there is none."""

    def send(self, order: Order, refused: Callable[[int], None]) -> None:
        """Send one message without waiting; `refused` is told the number if it failed later on."""

    def tend(self) -> None:
        """Do what sending needs now and then; called about fifty times a second."""

    def stop_broker(self) -> None:
        """Have the broker cut its connections and refuse new ones; it keeps its messages."""

    def start_broker(self) -> None:
        """Undo `stop_broker`, on the same address."""

    async def close(self) -> None:
        """End the broker. Idempotent."""


@runtime_checkable
class Breakable(Protocol):
    """What a scenario has besides, whose broker can be broken in ways of its own."""

    @property
    def faults(self) -> Sequence[Fault]:
        """Those beside the faults that all brokers have; the page has a button for each."""

    async def suffer(self, active: AbstractSet[str]) -> None:
        """Have the broker suffer from those of `faults` whose names are in `active`, no others."""


def found() -> list[str]:
    """Return the names of the scenarios that are installed, sorted."""
    return sorted(entry_points(group=GROUP).names)


def load(name: str) -> Scenario:
    """Return a new scenario by its entry point's name. Raises LookupError naming those there are.

    Raises EmulatorUnavailableError where what it needs is not installed.
    """
    for entry in entry_points(group=GROUP, name=name):
        try:
            scenario: Scenario = entry.load()()
        except ImportError as error:
            raise EmulatorUnavailableError(
                f"the demo of {name} needs {error.name or error}, which is not installed; run: pip"
                f" install 'eventing-alibaba[{name}]'"
            ) from error
        return scenario
    names = ", ".join(found()) or "none: is the package installed?"
    raise LookupError(f"there is no source {name!r} to show; there are {names}")
