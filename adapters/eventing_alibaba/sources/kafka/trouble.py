"""What is wrong with the session while librdkafka heals it by itself.

librdkafka reconnects, finds new leaders and joins again for ever; a session that has trouble is not
over, and tearing it down would only cost what is under way. So trouble is reported, not raised, and
taken back when it is gone. librdkafka does not say when that is; a question that the brokers answer
does, so while something is wrong the session asks for its topics every two seconds.

Several things can be wrong at once (the brokers unreachable, commits refused); each has a kind, and
the one that came first is what is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from eventing_alibaba.contract.errors import Disconnected
from eventing_alibaba.sources.kafka.causes import CERTIFICATE_REFUSED
from eventing_alibaba.sources.kafka.errors import Names, broker_of, signal
from eventing_alibaba.sources.kafka.handshake import refusal

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from eventing_alibaba.contract.errors import SourceError
    from eventing_alibaba.sources.kafka.topics import Topics
    from eventing_alibaba.sources.kafka.voice import Voice

_ASK_EVERY: Final = 2.0
_PATIENCE: Final = 1.0
_ANSWER: Final = 15.0
_OTHERS: Final = 3.0
_FETCH: Final = "fetch"
_SHOWN: Final = 60.0
_QUIET: Final = frozenset({KafkaError._TRANSPORT, KafkaError._TIMED_OUT})


class Trouble:
    """Collects what librdkafka complains about; used in the consumer's thread.

    `tell` hears the error that counts, when it changes, and None when all is well again.

    Attributes:
        down: no broker can be reached, as far as librdkafka has said.
        refused: a login was refused since the brokers last answered.
        fatal: the error after which librdkafka does nothing more; None if there was none.
        authority: certificates that the consumer trusts, PEM; None = the system's.
    """

    def __init__(
        self,
        names: Names,
        voice: Voice,
        topics: Topics,
        tell: Callable[[SourceError | None], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = names
        self._voice = voice
        self._topics = topics
        self._tell = tell
        self._now = now
        self._kinds: dict[str, SourceError] = {}
        self._until: dict[str, float] = {}
        self._told: SourceError | None = None
        self._cause: KafkaError | None = None
        self._next_ask = 0.0
        self.down = False
        self.refused = False
        self.fatal: KafkaError | None = None
        self.authority: str | None = None

    def on_error(self, error: KafkaError) -> None:
        """Take a complaint about the whole client; librdkafka calls it while polling."""
        if error.fatal():
            self.fatal = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.down = True
        else:
            # A broken connection after a refused login is the same trouble, told worse.
            if self._cause is None or error.code() not in _QUIET:
                self._cause = error
            self.refused = self.refused or error.code() == KafkaError._AUTHENTICATION

    def answered(self) -> None:
        """Forget complaints about connections: a broker has just answered."""
        self.down = self.refused = False
        self._cause = None
        self._voice.failure = ""
        self.clear("brokers")

    def reach(self, consumer: Consumer, *, alone: bool, go_on: Callable[[], bool]) -> bool:
        """Wait until a broker has answered that the topics can be read; for sessions that begin.

        That all brokers are down is said already when the first of several addresses has failed;
        so the others are given some time, unless it is `alone`. False when `go_on` says so.
        Raises what is wrong.
        """
        begun = self._now()
        while go_on():
            try:
                wrong = self._topics.look(consumer, timeout=_PATIENCE)
            except KafkaException:
                consumer.poll(0)
                waited = self._now() - begun
                if waited > _ANSWER or (self.down and (alone or waited > _OTHERS)):
                    raise self.cause() from None
            else:
                self.answered()
                if wrong is not None:
                    raise wrong
                return True
        return False

    def flowing(self) -> None:
        """Take back that fetching failed: records come."""
        if _FETCH in self._kinds:
            self.clear(_FETCH)

    def fetch_failed(self, error: SourceError) -> None:
        """Report that a partition gives no records; until some come."""
        self.set(_FETCH, error)

    def cause(self) -> SourceError:
        """Return the most telling complaint so far about not reaching any broker."""
        error = self._cause
        if self._voice.failure and (error is None or error.code() in _QUIET):
            error = KafkaError(KafkaError._TRANSPORT, self._voice.failure)
        if error is None:
            return signal(KafkaError(KafkaError._TIMED_OUT), self._names)
        found = signal(error, self._names)
        broker = broker_of(error.str() or "")
        if found.reason == CERTIFICATE_REFUSED and broker is not None:
            why = refusal(broker, self.authority)
            if why is not None:
                return Disconnected(why, reason=CERTIFICATE_REFUSED)
        return found

    def set(self, kind: str, error: SourceError, *, seconds: float | None = None) -> None:
        """Report `error` until `clear(kind)`, or for `seconds`."""
        self._kinds[kind] = error
        if seconds is not None:
            self._until[kind] = self._now() + seconds
        self._changed()

    def clear(self, *kinds: str) -> None:
        """Take back what was reported of these kinds."""
        for kind in kinds:
            self._kinds.pop(kind, None)
            self._until.pop(kind, None)
        self._changed()

    def note(self, error: SourceError) -> None:
        """Report something that has happened and is over, long enough to be seen."""
        self.set("event", error, seconds=_SHOWN)

    def tend(self, consumer: Consumer) -> None:
        """Ask the brokers whether trouble is over; blocks up to a second while they are away."""
        if not (self.down or self._kinds):
            return
        now = self._now()
        for kind in [kind for kind, until in self._until.items() if until <= now]:
            self.clear(kind)
        asking = self.down or "brokers" in self._kinds or "topics" in self._kinds
        if not asking or now < self._next_ask:
            return
        self._next_ask = now + _ASK_EVERY
        try:
            wrong = self._topics.look(consumer, timeout=_PATIENCE)
        except KafkaException:
            self.set("brokers", self.cause())
            return
        self.answered()
        if wrong is None:
            self.clear("topics")
        else:
            self.set("topics", wrong)

    def _changed(self) -> None:
        first = next(iter(self._kinds.values()), None)
        if str(first) != str(self._told):
            self._told = first
            self._tell(first)
