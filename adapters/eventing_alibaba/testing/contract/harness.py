"""What the suite has to be told about a source and its broker.

A harness is one queue or topic, with one consumer group, that no other test uses. The suite asks it
to produce and what is left; it never looks into the broker itself. What a broker or a source does
not have, the harness says in `cannot`, with a reason that the skipped test shows.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from eventing_alibaba.contract.source import Source
from eventing_alibaba.contract.spec import Context, SourceSpec
from eventing_alibaba.contract.validation import read
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.runtime import kinds
from eventing_alibaba.testing.ledger import Ordering

Ability: TypeAlias = Literal[
    "away",
    "slow",
    "refuse acks",
    "tracks",
    "share",
    "takeover",
    "leases",
    "attempts",
    "processes",
    "volume",
]
"""What a test may need besides producing and counting what is left:

    away         the broker can be taken away and brought back
    slow         its answers can be delayed
    refuse acks  it can be made to refuse acknowledgements, and nothing else
    tracks       messages have tracks, so `pause` and `resume` mean something
    share        several consumers share the messages
    takeover     they soon get those of one that says nothing any more
    leases       messages are leased: given back at once by `release`, lost by a late `ack`
    attempts     the broker counts deliveries
    processes    the adapter can run in a process of its own (the kind has an entry point)
    volume       the broker holds a hundred megabytes
"""


@dataclass(slots=True, frozen=True)
class Produced:
    """A message that the broker has taken.

    Attributes:
        id: of the event that it becomes.
        track: its acknowledgement has to wait for those before it in this track; None = for none.
        key: within the track, what `keyed` keeps in order; None = in order with the whole track.
    """

    id: str
    track: str | None = None
    key: str | None = None


class Harness(abc.ABC):
    """One queue or topic and everything around it; made anew for each test.

    Attributes:
        kind: of the source, as manifests say it and as the entry point is called.
        orderings: those that `spec` can ask for; tests that are about something else use the first.
        cannot: abilities that are missing, each with a sentence that says why.
        environ: environment variables that secret references of `spec` need.
        patience: seconds after which whatever is waited for has failed; longer than a lease.
        load: messages that a test with processes sends.
        repeated_by_crash: messages that may come twice when a consumer is killed, besides those on
            the wire; None = any number.
        repeated_by_sharing: messages that may come twice when a consumer joins or leaves.
        client_bytes: what the broker's client may hold besides `flow.maxBytes`.
    """

    kind: ClassVar[str]
    orderings: Sequence[Ordering] = ("unordered",)
    cannot: Mapping[Ability, str] = {}
    environ: Mapping[str, str] = {}
    patience: float = 20.0
    load: int = 400
    repeated_by_crash: int | None = None
    repeated_by_sharing: int | None = 0
    client_bytes: int = 0

    @abc.abstractmethod
    def spec(self, ordering: Ordering) -> dict[str, Any]:
        """Return the `spec` of a manifest, without `sink`, `delivery` and `flow`.

        Each call names the same queue and the same group, and a start before the first message.
        """

    @abc.abstractmethod
    async def produce(self, count: int, *, size: int = 100) -> Sequence[Produced]:
        """Produce messages with bodies of about `size` bytes; return when the broker has them.

        In the order of each track, which goes on over calls. Where there are tracks, use at least
        two, evenly, and several keys in each.
        """

    @abc.abstractmethod
    async def backlog(self) -> int:
        """Return how many messages are not acknowledged, waiting or in somebody's hands.

        It may be behind by a moment, never ahead: what it calls acknowledged never comes again.
        """

    def away(self) -> AbstractAsyncContextManager[None]:
        """Take the broker away for the time of the context."""
        raise NotImplementedError

    def slow(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Delay each of the broker's answers for the time of the context."""
        raise NotImplementedError

    def refusing_acks(self) -> AbstractAsyncContextManager[None]:
        """Let the broker refuse acknowledgements for the time of the context.

        In a way that passes: the consumer stays what it is, and its messages stay with it.
        """
        raise NotImplementedError

    def model(self) -> type[SourceSpec]:
        """Return the model of `spec`; the one that the entry point of `kind` names."""
        return kinds.spec_of(self.kind)

    def read(self, ordering: Ordering, **fields: Any) -> SourceSpec:
        """Return `spec` with further fields, validated."""
        return read(self.model(), {**self.spec(ordering), **fields})

    def source(self, spec: SourceSpec) -> Source:
        """Return a new source; opens nothing."""
        return spec.build(
            Context(
                kind=self.kind,
                namespace="default",
                name="contract",
                credentials=SecretResolver(environ=self.environ),
                event=spec.event,
                flow=spec.flow,
            )
        )
