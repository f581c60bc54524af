"""One process: a source, a sink, the flow between them, and what tells others how it is.

    settings → source, sink → pipeline          (event loop)
             → status, metrics → two servers    (threads)

The first SIGTERM or SIGINT stops in order; a second one ends the process at once. The exit code is
0 after a stop, 78 (sysexits' EX_CONFIG) where only another manifest helps; everything else that can
go wrong is said in `/status` and tried again for ever.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from typing import Final

from eventing_alibaba import __version__
from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.errors import Misconfigured, SourceError
from eventing_alibaba.contract.eventoptions import EventOptions
from eventing_alibaba.contract.source import DeadLetterTarget, Source
from eventing_alibaba.flow.convert import Chosen
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.flow.deliver_batches import Batching
from eventing_alibaba.flow.filters.compile import compile_filters
from eventing_alibaba.flow.pipeline import Pipeline
from eventing_alibaba.flow.policies.retry import Retry
from eventing_alibaba.flow.react import Exhausted
from eventing_alibaba.runtime import kinds, logs, metrics
from eventing_alibaba.runtime.control import ControlSocket, socket_path
from eventing_alibaba.runtime.destination import SinkAddress
from eventing_alibaba.runtime.environment import Settings
from eventing_alibaba.runtime.health import PageServer, health_pages, metrics_pages
from eventing_alibaba.runtime.heartbeat import Heartbeat
from eventing_alibaba.runtime.identity import shown
from eventing_alibaba.runtime.status import Status
from eventing_alibaba.runtime.telemetry import CONTENT_TYPE, Telemetry
from eventing_alibaba.sink.deadletter import HttpDeadLetters
from eventing_alibaba.sink.post import Sink, SinkOptions
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.proxy import proxy_for
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsOptions

log = logging.getLogger(__name__)

_GARBAGE: Final = 50_000
"""Objects between two collections. The flow makes no cycles; Python's 700 would cost 5 % of it."""

_DEAD_LETTERS: Final = 16
"""Requests to a dead-letter sink at once."""


def run(settings: Settings) -> int:
    """Run until a signal; return the exit code. Raises Misconfigured and Unavailable (a port)."""
    logs.configure(settings.log_format, level=settings.log_level)
    for sentence in settings.warnings:
        log.warning("%s", sentence, extra={"every": True})
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(settings))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - there is none for some platforms
    except ImportError:  # pragma: no cover - every platform that is tested has it
        return None
    return uvloop.Loop


async def _run(settings: Settings) -> int:
    counters = Counters()
    source = _source(settings, counters)
    sink = make_sink(settings, settings.sink, limit=settings.spec.flow.concurrency)
    where = f"{settings.namespace}/{settings.name}"
    status = Status({"kind": settings.kind, "namespace": settings.namespace, "name": settings.name})
    heartbeat = Heartbeat()
    exhausted = Exhausted(
        route=settings.spec.on_exhausted,
        target=_dead_letters(settings),
        destination=settings.sink.uri,
        leased=settings.spec.leased,
    )
    max_age = settings.spec.event.max_age
    pipeline = Pipeline(
        source=source,
        sink=sink,
        options=settings.spec.flow,
        retry=Retry.of(settings.spec.delivery),
        counters=counters,
        report=_Reporter(status).report,
        exhausted=exhausted,
        chosen=Chosen(
            passes=compile_filters(settings.spec.filters),
            max_age=None if max_age is None else seconds(max_age),
        ),
        batching=_batching(settings.spec.event),
    )
    telemetry = Telemetry(
        counters,
        kind=settings.kind,
        source=where,
        gauges=_gauges(pipeline, sink, status),
        breaker=pipeline.breaker,
        resends=lambda: sink.pool.resends,
    )
    status.add("sink", pipeline.service)
    status.add("blocked", pipeline.blocked)
    status.add("counters", lambda: _counted(counters, pipeline))
    if tell := getattr(source, "status", None):
        status.add("source", tell)
    servers = (
        PageServer(
            health_pages(status, heartbeat),
            host=settings.host,
            port=settings.port,
            purpose="health",
        ),
        PageServer(
            metrics_pages(telemetry.text, CONTENT_TYPE),
            host=settings.host,
            port=settings.metrics_port,
            purpose="metrics",
            flag="--metrics-port",
        ),
    )
    control = socket_path(os.environ, namespace=settings.namespace, name=settings.name)
    stop = asyncio.Event()
    _stop_on_signals(stop, status)
    heartbeat.start(asyncio.get_running_loop())
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    try:
        for server in servers:
            server.start()
        log.info(
            "eventing-alibaba %s delivers %s %s to %s; health on port %d, metrics on port %d",
            __version__,
            settings.kind,
            where,
            str(Target.parse(settings.sink.uri).address),
            servers[0].port,
            servers[1].port,
            extra={"healthPort": servers[0].port, "metricsPort": servers[1].port},
        )
        async with ControlSocket(control, pipeline):
            if settings.spec.paused:
                await _pause(stop, status)
            else:
                await pipeline.run(stop)
    finally:
        status.set("stopped", reason="Stopped")
        heartbeat.stop()
        for server in servers:
            server.stop()
    log.info(
        "stopped: received %d messages, delivered %d events", counters.received, counters.delivered
    )
    return 0


def make_sink(
    settings: Settings, address: SinkAddress, *, limit: int, dead_letters: bool = False
) -> Sink:
    """Return the sink at an address; no connection is opened. Raises Misconfigured.

    A sink for dead letters is always sent CloudEvents, for what they say of the failure, and is not
    shown what `sinkAuth` has for the other sink.
    """
    spec = settings.spec
    target = Target.parse(address.uri)
    try:
        proxy = proxy_for(target, os.environ)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    auth = None if dead_letters else spec.sink_auth
    identity, certificate = shown(auth, address, settings.credentials)
    tls = TlsOptions(
        ca_pem=address.ca_certs or "",
        ca_directories=(str(settings.trust_directory),),
        cert_file=certificate,
    )
    pool = Pool(target, limit=limit, tls=tls, proxy=proxy)
    options = SinkOptions(
        mode="raw" if spec.event.format == "raw" and not dead_letters else spec.event.mode,
        namespace=settings.namespace,
        overrides=spec.ce_overrides.extensions,
        timeout=settings.sink_timeout,
    )
    return Sink(pool, options, identity)


def _batching(event: EventOptions) -> Batching | None:
    batch = event.batch
    if batch is None:
        return None
    return Batching(batch.max_events, batch.max_bytes, seconds(batch.max_wait))


def _dead_letters(settings: Settings) -> DeadLetterTarget | None:
    wanted = settings.spec.delivery.dead_letter_sink
    if settings.dead_letter is not None:
        return HttpDeadLetters(
            make_sink(settings, settings.dead_letter, limit=_DEAD_LETTERS, dead_letters=True)
        )
    if wanted is None:
        return None
    return settings.spec.dead_letters(settings.context(lambda _name, _amount: None))


def _source(settings: Settings, counters: Counters) -> Source:
    try:
        return settings.spec.build(settings.context(counters.count))
    except ImportError as error:
        sentence = kinds.missing(settings.kind, error)
        raise Misconfigured(sentence, reason="MissingDependency") from error


async def _pause(stop: asyncio.Event, status: Status) -> None:
    """Wait for the stop. All has been made, so that a wrong manifest is found out even now."""
    sentence = "spec.paused is true: nothing is received, messages wait in their broker"
    status.set("running", ready=True, reason="Paused", message=sentence)
    log.info("%s", sentence, extra={"every": True})
    await stop.wait()


class _Reporter:
    """The source's signals as status and log."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def report(self, error: SourceError | None) -> None:
        if error is None:
            if self._status.set("running", ready=True, reason="Consuming"):
                log.info("ready: messages are received", extra={"every": True})
        else:
            self._status.set(ready=False, reason=error.reason, message=str(error))
            log.warning("not ready: %s: %s", error.reason, error)


def _stop_on_signals(stop: asyncio.Event, status: Status) -> None:
    loop = asyncio.get_running_loop()

    def stopped(number: int) -> None:
        if stop.is_set():
            log.warning("a second signal: the process ends at once; what is on its way is cut")
            logging.shutdown()
            os._exit(128 + number)
        log.info("%s: stopping in order", signal.Signals(number).name)
        status.set("draining", reason="Draining", message="the process was asked to stop")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped, number)


def _gauges(pipeline: Pipeline, sink: Sink, status: Status) -> dict[str, Callable[[], float]]:
    held = pipeline.held
    return {
        metrics.READY: lambda: status.condition.ready,
        metrics.IN_FLIGHT: lambda: sink.in_flight,
        metrics.BUFFERED: lambda: held.count,
        metrics.BUFFERED_BYTES: lambda: held.size,
        metrics.BLOCKED: lambda: len(pipeline.blocked()),
        metrics.CONCURRENCY: lambda: sink.limit,
    }


def _counted(counters: Counters, pipeline: Pipeline) -> dict[str, object]:
    return {
        "received": counters.received,
        "delivered": counters.delivered,
        "failedAttempts": dict(counters.attempts),
        "settled": dict(counters.settled),
        "held": pipeline.held.count,
    }
