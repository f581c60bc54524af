"""What can be broken in the demo with any broker, and how a broken service answers.

A fault is a value: its name is what the page sends, its words are what the page shows, so a new one
needs no change there. Those of the service may be combined; the first rule that applies decides.
A scenario may have more, of its broker: see `scenario.Breakable`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

from eventing_alibaba.testing.sink import Answer, ReceivedEvent, Rule

SERVICE_DOWN: Final = "service-down"
SERVICE_SLOW: Final = "service-slow"
SERVICE_BUSY: Final = "service-429"
SERVICE_FAILS: Final = "service-500"
SERVICE_CUTS: Final = "service-cut"
SERVICE_REFUSES: Final = "service-422"
BROKER_DOWN: Final = "broker-down"
ADAPTER_KILL: Final = "adapter-kill"

_SLOW: Final = 0.4
_FAILING: Final = 0.1
_CUT: Final = 0.2
_REFUSED_EVERY: Final = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break something.

    Attributes:
        name: for programs.
        label: of the button.
        place: what is broken.
        does: what happens then, a sentence for the button's description.
        broken, healed: what is told when it begins and ends. `{broker}` is the broker's name.
        momentary: it is over by itself; nothing is left to heal.
    """

    name: str
    label: str
    place: Literal["service", "broker", "adapter"]
    does: str
    broken: str
    healed: str = ""
    momentary: bool = False


FAULTS: Final = (
    Fault(
        SERVICE_DOWN,
        "Down",
        "service",
        "Connections are refused. The adapter stops reading; messages wait in {broker}.",
        "The service is down. Messages wait in {broker}.",
        "The service is up again.",
    ),
    Fault(
        SERVICE_SLOW,
        "Slow",
        "service",
        "Every answer takes 0.4 s more. Where order is kept, a customer's orders queue up.",
        "The service is slow: 0.4 s for each answer.",
        "The service is quick again.",
    ),
    Fault(
        SERVICE_BUSY,
        "Answers 429",
        "service",
        "Too many requests, it says, try again in a second. The adapter obeys Retry-After.",
        "The service answers 429 to everything.",
        "The service takes requests again.",
    ),
    Fault(
        SERVICE_FAILS,
        "500 for some",
        "service",
        "One request in ten fails. It is tried again after a pause; others go on meanwhile.",
        "The service answers 500 to one request in ten.",
        "The service fails no more.",
    ),
    Fault(
        SERVICE_CUTS,
        "Answers cut",
        "service",
        "One answer in five breaks off in the middle. The adapter cannot know that the work was"
        " done and sends the event again: a duplicate, never a loss.",
        "The service does its work, but one answer in five is cut off.",
        "The service finishes its answers again.",
    ),
    Fault(
        SERVICE_REFUSES,
        "Refuses some",
        "service",
        "Every twentieth order is answered 422, which no retry cures. It is set aside in the"
        " dead-letter box.",
        "The service refuses every twentieth order for good.",
        "The service refuses nothing any more.",
    ),
    Fault(
        BROKER_DOWN,
        "Down",
        "broker",
        "{broker} drops all connections and takes no new ones. The adapter connects again by"
        " itself.",
        "{broker} is down.",
        "{broker} is up again.",
    ),
    Fault(
        ADAPTER_KILL,
        "kill -9",
        "adapter",
        "The process dies at once, with requests on the wire. A new one starts after a second, as"
        " in a cluster, and {broker} hands out again what the dead one had, within ten seconds.",
        "The adapter was killed with signal 9.",
        momentary=True,
    ),
)


def described(faults: Sequence[Fault], broker: str) -> list[dict[str, object]]:
    """Return faults as JSON for the page; `broker` is its name. Pure."""
    return [
        {
            "name": fault.name,
            "label": fault.label,
            "place": fault.place,
            "does": fault.does.format(broker=broker),
            "momentary": fault.momentary,
        }
        for fault in faults
    ]


def default(active: AbstractSet[str]) -> Answer:
    """Return the service's answer where no rule applies."""
    return Answer(delay=_delay(active))


def rules(active: AbstractSet[str], number_of: Callable[[bytes | None], int | None]) -> list[Rule]:
    """Return how the service answers while these faults are active.

    `number_of` finds a message's number in its data.
    """

    def refused(event: ReceivedEvent) -> bool:
        number = number_of(event.data)
        return number is not None and number % _REFUSED_EVERY == 0

    delay = _delay(active)
    chosen = []
    if SERVICE_BUSY in active:
        chosen.append(Rule(answer=Answer(status=429, retry_after=1, delay=delay)))
    if SERVICE_REFUSES in active:
        body = "this order is refused for good"
        chosen.append(Rule(answer=Answer(status=422, body=body, delay=delay), when=refused))
    if SERVICE_FAILS in active:
        chosen.append(Rule(answer=Answer(status=500, delay=delay), fraction=_FAILING))
    if SERVICE_CUTS in active:
        chosen.append(Rule(answer=Answer(fault="half", delay=delay), fraction=_CUT, seed=1))
    return chosen


def _delay(active: AbstractSet[str]) -> float:
    return _SLOW if SERVICE_SLOW in active else 0.0
