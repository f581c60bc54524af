"""Dead letters into a topic of the same instance, each a CloudEvent in binary mode.

The body is the event's data, so what was a message fits into one again; attributes are properties
`CE_<name>`, those that say why it is dead among them. Tag, keys and message group are the ones that
the event was made from, as far as it still has them: brought back, it must pass the source's filter
and go to its queue.

One producer is kept, because to be known by proxies takes longer than to send. What it learned may
be out of date at any failure that is not the message's own; then the next event gets a new one, and
the old one is closed when nobody sends with it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.deadletter import REASONS, UNDECODABLE
from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.burials import Burials
from eventing_alibaba.sources.rocketmq.outgoing import MESSAGE_REFUSED, Draft, Producer
from eventing_alibaba.sources.rocketmq.passthrough import NO_DATA
from eventing_alibaba.sources.rocketmq.properties import text

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.source import NotTaken
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.rocketmq.spec import RocketMQSourceSpec

T = TypeVar("T")

FIELD: Final = "spec.delivery.deadLetterSink.rocketmq.topic"
GROUP: Final = "default"
"""Message group of what had none, where a topic is an ordered one."""

_CE: Final = "CE_"
_TYPE: Final = f"{_CE}contenttype"
_REASONS: Final = frozenset(_CE + name for name in REASONS)


class RocketMQDeadLetters:
    """A `contract.source.DeadLetterTarget`; made and used on the event loop."""

    def __init__(self, spec: RocketMQSourceSpec, context: Context, topic: str) -> None:
        self._place = f"{topic} at {spec.endpoints}"
        self._make: Callable[[], _Session] = lambda: _Session(
            Producer(spec, context, topic, topic_field=FIELD)
        )
        self._session: _Session | None = None
        self._open: set[_Session] = set()
        self._burials = Burials()

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        """See `DeadLetterTarget.send`. Raises ValueError for what is no valid Unicode text."""
        if self._burials.full:
            return False
        draft = draft_of(event)
        self._burials.begin(self._sent(draft), done, token)
        return True

    async def close(self) -> None:
        """See `DeadLetterTarget.close`."""
        await self._burials.close()
        self._session = None
        while self._open:
            await self._open.pop().producer.close()

    async def _sent(self, draft: Draft) -> str | None:
        """Send a message; return None, or why it is not in the topic."""
        if self._session is None:
            self._session = self._make()
            self._open.add(self._session)
        session = self._session
        session.users += 1
        try:
            problem = await session.send(draft)
        finally:
            session.users -= 1
        if problem is None:
            return None
        if self._session is session and problem.reason not in MESSAGE_REFUSED:
            self._session = None
        if self._session is not session and not session.users and session in self._open:
            self._open.discard(session)
            await session.producer.close()
        return str(problem)

    def __repr__(self) -> str:
        return f"<RocketMQDeadLetters {self._place} busy={len(self._burials)}>"


class _Session:
    """A producer, opened by whoever sends first; `users` send with it at the moment."""

    __slots__ = ("_lock", "_opened", "_problem", "producer", "users")

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self.users = 0
        self._lock = asyncio.Lock()
        self._opened = False
        self._problem: SourceError | None = None

    async def send(self, draft: Draft) -> SourceError | None:
        async with self._lock:
            if not self._opened:
                self._opened = True
                try:
                    await self.producer.open()
                except SourceError as error:
                    self._problem = error
        if self._problem is not None:
            return self._problem
        if not self.producer.ordered:
            draft = replace(draft, group=None)
        (problem,) = await self.producer.send([draft])
        return problem


def draft_of(event: Event) -> Draft:
    """Return the message that is this event, as for an ordered topic. Raises ValueError."""
    found: dict[str, str] = {}
    if not event.structured:
        found = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type}
        for name in ("subject", "time", "dataschema"):
            value = getattr(event, name)
            if value is not None:
                found[name] = value
    for name, value in event.extensions.items():
        found[name] = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if event.datacontenttype is not None:
        found["contenttype"] = event.datacontenttype
    properties = {_CE + name: text(value) for name, value in found.items()}
    for value in properties.values():
        value.encode()
    tag = found.get("subject") if "rocketmqtopic" in found else None
    return Draft(
        event.data or NO_DATA,
        tag=tag if tag and tag.strip() and "|" not in tag else None,
        keys=found.get("rocketmqkeys", "").split(),
        properties=properties,
        group=found.get("rocketmqgroup") or GROUP,
    )


def is_buried(draft: Draft) -> bool:
    """Whether a message is one that `draft_of` has made, or was made like it."""
    return not _REASONS.isdisjoint(draft.properties)


def unburied(draft: Draft, *, raw: bool) -> Draft:
    """Return the message that is the event of a dead letter, without why it was dead.

    Where the source sends bodies alone (`raw`), or where the message never was an event, its data
    is the body, under the id that the message had.
    """
    told = draft.properties
    group = told.get(f"{_CE}rocketmqgroup") or draft.group or GROUP
    undecodable = told.get(f"{_CE}type") == UNDECODABLE
    if not raw and not undecodable:
        kept = {name: value for name, value in told.items() if name not in _REASONS}
        return replace(draft, properties=kept, group=group)
    own = undecodable or f"{_CE}rocketmqtopic" in told
    known = not undecodable and _TYPE in told
    return replace(
        draft,
        id=(told.get(f"{_CE}id") if own else None) or draft.id,
        properties={"content-type": told[_TYPE]} if known else {},
        group=group,
    )
