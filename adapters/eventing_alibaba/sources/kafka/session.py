"""One session: one consumer, and the one thread that owns it.

librdkafka's consumer may hang for good when one thread commits while another polls. So every call
on the consumer is made in this thread; everybody else puts a command into its inbox. What the
thread has to say goes to the event loop by `Bridge`.

    open    make the consumer, see that topics exist, join the group, commit starts
    serve   take what is wanted, commit marks, watch credentials and trouble
    leave   settle and commit what is left, close the consumer

A session is used once. When it fails (a fatal error, new certificates, a rebalance that could not
be finished) it gives its partitions up in order, closes its consumer and says why; the flow opens
the next one.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException

from eventing_alibaba.contract.errors import Disconnected, SourceError, Unavailable
from eventing_alibaba.sources.kafka.assignment import Assignment
from eventing_alibaba.sources.kafka.bridge import Bridge
from eventing_alibaba.sources.kafka.commits import Commits
from eventing_alibaba.sources.kafka.errors import Names, refused_settings, signal
from eventing_alibaba.sources.kafka.identity import TopicIds
from eventing_alibaba.sources.kafka.intake import PATIENCE, Intake
from eventing_alibaba.sources.kafka.offsets import StartOffsets, timestamp
from eventing_alibaba.sources.kafka.records import RecordReader
from eventing_alibaba.sources.kafka.rotation import Rotation
from eventing_alibaba.sources.kafka.settings import connection, read_secrets, settings
from eventing_alibaba.sources.kafka.topics import Topics
from eventing_alibaba.sources.kafka.trouble import Trouble
from eventing_alibaba.sources.kafka.voice import Voice

if TYPE_CHECKING:
    from eventing_alibaba.contract.message import Message
    from eventing_alibaba.contract.source import FlowControl
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
    from eventing_alibaba.sources.kafka.tracks import Track

_TICK: Final = 0.1
_HELD: Final = 0.01
"""Seconds between looks for records while all that there are belong to held tracks."""
_JOINING: Final = 15.0
_FLUSH: Final = 3.0
log: Final = logging.getLogger(__name__)


class Session:
    """Owns a consumer from its making to its closing; made and used on the event loop.

    Attributes:
        ready: done when the session is up, or failed with a SourceError.
        ended: done when the thread is; its result is why (None = it was stopped).
    """

    def __init__(
        self,
        *,
        spec: AliKafkaSourceSpec,
        context: Context,
        flow: FlowControl,
        started: set[str],
        arrived: Callable[[list[Message]], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[SourceError | None] = loop.create_future()
        self._spec = spec
        self._context = context
        self._started = started
        self._arrived = arrived
        self._bridge = Bridge(loop, flow)
        self._names = Names(
            servers=", ".join(spec.bootstrap_servers),
            group=spec.group(context),
            mechanism=spec.net.sasl.type,
        )
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = False
        self._demand: tuple[int, int] | None = None
        self._idle_since = time.monotonic()
        self._voice = Voice()
        self._topics = Topics(spec.topics, self._names)
        self._trouble = Trouble(self._names, self._voice, self._topics, self._bridge.report)
        self._assignment = Assignment(
            starts=lambda: self._starts,
            commits=lambda: self._commits,
            bridge=self._bridge,
            trouble=self._trouble,
            names=self._names,
            count=lambda name, amount: self._bridge.call(context.count, name, amount),
        )
        reader = RecordReader(
            self._assignment.by_topic,
            spec.ordering,
            lambda record, error: self._assignment.on_error(self._consumer, record, error),
        )
        self._intake = Intake(self._assignment, reader)
        self._commits = Commits(self._assignment.tracks, self._names, self._trouble)
        self._consumer: Consumer
        self._starts: StartOffsets
        self._ids: TopicIds
        self._thread = threading.Thread(target=self._run, name="kafka-consumer", daemon=True)

    def start(self) -> None:
        """Begin; `ready` and `ended` tell how it goes."""
        self._thread.start()

    def demand(self, limit: int, max_bytes: int) -> None:
        """Ask for one batch; `arrived` gets it."""
        self._inbox.put(lambda: self._want(limit, max_bytes))

    def hold(self, tracks: Iterable[Track]) -> None:
        """Take no more records of `tracks`."""
        chosen = list(tracks)
        self._inbox.put(lambda: self._intake.hold(chosen))

    def let_go(self, tracks: Iterable[Track]) -> None:
        """Take records of `tracks` again."""
        chosen = list(tracks)
        self._inbox.put(lambda: self._intake.let_go(chosen))

    def quiesce(self) -> asyncio.Future[None]:
        """Take nothing more; the returned future is done when nothing more will arrive."""
        done: asyncio.Future[None] = self.ended.get_loop().create_future()
        self._inbox.put(lambda: self._quiesce(done))
        return done

    def stop(self) -> None:
        """Commit what is acknowledged, leave the group and end."""
        self._inbox.put(self._stop)

    # What follows runs in the thread.

    def _run(self) -> None:
        error: SourceError | None = None
        try:
            self._open()
            try:
                if self._join():
                    self._bridge.call(_resolve, self.ready)
                    self._serve()
            except Exception as failure:  # noqa: BLE001 - the partitions are given up all the same
                error = _told(failure)
                self._assignment.give_up()
            finally:
                self._leave(error)
        except Exception as failure:  # noqa: BLE001 - the thread has no other witness
            error = error or _told(failure)
        self._bridge.call(self._end, error)

    def _open(self) -> None:
        """Make the consumer. Raises Unauthorized or Misconfigured."""
        secrets = read_secrets(self._spec.net, self._context.credentials)
        try:
            self._consumer = Consumer(
                {
                    **settings(self._spec, self._context, secrets),
                    "logger": self._voice,
                    "error_cb": self._trouble.on_error,
                    "on_commit": self._commits.on_commit,
                }
            )
        except KafkaException as error:
            raise refused_settings(error.args[0]) from None
        self._ids = TopicIds(connection(self._spec, self._context, secrets), self._spec.topics)
        self._trouble.authority = secrets.authority
        self._rotation = Rotation(self._spec.net, self._context.credentials, secrets)
        self._starts = StartOffsets(
            self._consumer,
            self._names,
            sizes=self._topics.sizes,
            ids=self._ids.ids,
            initial=timestamp(self._spec.initial_offset),
            started=self._started,
        )
        self._assignment.on_assigned = lambda tracks: self._intake.assigned(self._consumer, tracks)

    def _join(self) -> bool:
        """See that topics exist and join the group; False when stopped meanwhile."""
        consumer = self._consumer
        if not self._reach():
            return False
        if self._topics.controlled:
            self._ids.learn()
        consumer.subscribe(
            self._spec.topics,
            on_assign=self._assignment.on_assign,
            on_revoke=self._assignment.on_revoke,
            on_lost=self._assignment.on_lost,
        )
        patience = time.monotonic() + _JOINING
        while not (self._stopping or self._started_well()):
            self._intake.listen(consumer, wait=_TICK)
            self._commits.tend(consumer, idle=True)
            self._check()
            if self._trouble.down and not self._reach():
                return False
            if time.monotonic() > patience:
                self._trouble.set("joining", self._slow_join())
            self._obey()
        self._trouble.clear("joining")
        return not self._stopping

    def _started_well(self) -> bool:
        """Return whether the group has been joined and all starts are committed."""
        assignment = self._assignment
        return assignment.joined and all(track.safe for track in assignment.tracks())

    def _serve(self) -> None:
        consumer = self._consumer
        held = False
        while True:
            self._obey(wait=_TICK if self._demand is None else _HELD if held else 0)
            if self._stopping:
                return
            idle, held = True, False
            if self._demand is not None:
                limit, max_bytes = self._demand
                batch = self._intake.take(consumer, limit=limit, max_bytes=max_bytes, wait=_TICK)
                if batch:
                    idle = False
                    self._demand = None
                    self._idle_since = time.monotonic()
                    self._bridge.call(self._arrived, batch)
                    self._trouble.flowing()
                else:
                    held = self._intake.shelved > 0
            elif time.monotonic() - self._idle_since > PATIENCE:
                self._intake.stand_by(consumer)
            self._check()
            self._commits.tend(consumer, idle=idle)
            self._tend(consumer)

    def _tend(self, consumer: Consumer) -> None:
        """Look after what changes rarely."""
        login = self._rotation.tend(refused=self._trouble.refused)
        if login is not None:
            consumer.set_sasl_credentials(*login)
            self._ids.login(*login)
        renewed, missing = self._ids.tend()
        for topic in renewed:
            self._assignment.on_renewed(consumer, topic)
        for topic in missing:
            error = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
            self._trouble.set("topics", signal(error, self._names, topic=topic))
        self._trouble.tend(consumer)

    def _leave(self, error: SourceError | None) -> None:
        """Commit what is left and close.

        With the brokers away, librdkafka may close only when they are back. Nobody has to wait for
        that: the session is over before, and this thread, a daemon, ends when it can.
        """
        self._assignment.leaving = True
        try:
            if not self._commits.flush(self._consumer, seconds=_FLUSH):
                log.warning("the last commit was not answered; some records come again")
                self._bridge.call(self._end, error)
            elif self._trouble.down:
                self._bridge.call(self._end, error)
        finally:
            self._consumer.close()

    def _obey(self, *, wait: float = 0.0) -> None:
        """Do what the inbox says; wait so many seconds for the first command."""
        try:
            if wait:
                self._inbox.get(timeout=wait)()
            while True:
                self._inbox.get_nowait()()
        except queue.Empty:
            pass

    def _want(self, limit: int, max_bytes: int) -> None:
        self._demand = (limit, max_bytes)

    def _quiesce(self, done: asyncio.Future[None]) -> None:
        self._demand = None
        self._bridge.call(_resolve, done)

    def _stop(self) -> None:
        self._stopping = True

    def _check(self) -> None:
        """Raise what callbacks could not."""
        if self._assignment.failure is not None:
            raise self._assignment.failure
        if self._trouble.fatal is not None:
            raise signal(self._trouble.fatal, self._names)

    def _reach(self) -> bool:
        """Wait for a broker's answer; False when stopped meanwhile."""

        def go_on() -> bool:
            self._obey()
            return not self._stopping

        return self._trouble.reach(
            self._consumer, alone=len(self._spec.bootstrap_servers) == 1, go_on=go_on
        )

    def _slow_join(self) -> SourceError:
        return Unavailable(
            f"still joining consumer group {self._names.group}: its other members may be slow to"
            " give up partitions",
            reason="Joining",
        )

    # And this on the loop again.

    def _end(self, error: SourceError | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(error or Disconnected("the session was stopped"))
            self.ready.exception()  # whoever cares has awaited it
        if not self.ended.done():
            self.ended.set_result(error)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _told(failure: Exception) -> SourceError:
    """Return what to tell of a failure; one that is not ours to raise is a defect, and logged."""
    if isinstance(failure, SourceError):
        return failure
    log.error("the consumer's thread failed in a way it should not", exc_info=failure)
    return Disconnected(
        "the consumer failed by a defect of the adapter; see its log", reason="Defect"
    )
