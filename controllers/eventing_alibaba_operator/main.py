"""The command `eventing-alibaba-operator`: flags, signals, exit codes.

0 after SIGTERM or SIGINT, 78 where settings are wrong, 1 where something outside failed. SIGUSR1
has everything looked at now.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import kopf

from eventing_alibaba import __version__
from eventing_alibaba.contract.errors import Misconfigured, Unavailable
from eventing_alibaba.runtime import logs
from eventing_alibaba_operator import handlers
from eventing_alibaba_operator.kinds import served
from eventing_alibaba_operator.kube import Kube
from eventing_alibaba_operator.login import cluster
from eventing_alibaba_operator.metrics import Telemetry
from eventing_alibaba_operator.probes import Page
from eventing_alibaba_operator.running import Operator
from eventing_alibaba_operator.settings import Settings, settings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    try:
        told = settings(sys.argv[1:] if arguments is None else arguments, os.environ)
        logs.configure("json" if told.json_logs else "text", level=told.log_level)
        logging.getLogger("kopf").setLevel(max(told.log_level, logging.WARNING))
        return asyncio.run(operate(told))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 78
    except Unavailable as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def operate(told: Settings) -> int:
    """Run one operator until a signal; return the exit code. Raises Misconfigured, Unavailable."""
    kinds = served()
    there = cluster(told.kubeconfig)
    stop = asyncio.Event()
    async with Kube(there) as kube:
        operator = Operator(told, kube, kinds)
        pages = (
            Page("/healthz", told.health_port, lambda: (200, b"ok\n")),
            Page("/metrics", told.metrics_port, lambda: (200, Telemetry(operator).text())),
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, operator.resync)
        try:
            for page in pages:
                await page.start()
            return await _until(stop, _work(told, operator, pages, stop))
        finally:
            for page in pages:
                await page.stop()


async def _work(
    told: Settings, operator: Operator, pages: Sequence[Page], stop: asyncio.Event
) -> None:
    await operator.kinds_are_there()
    working = asyncio.create_task(operator.run())
    watching: asyncio.Task[None] | None = None
    try:
        await _either(working, operator.ready)
        log.info(
            "operator ready: eventing-alibaba %s, %s; health on port %d, metrics on port %d",
            __version__,
            f"namespaces {', '.join(told.namespaces)}" if told.namespaces else "all namespaces",
            pages[0].port,
            pages[1].port,
            extra={"healthPort": pages[0].port, "metricsPort": pages[1].port},
        )
        watching = asyncio.create_task(
            kopf.operator(
                registry=handlers.registry(operator, operator.kube.cluster, served()),
                settings=handlers.settings(),
                standalone=True,
                clusterwide=not told.namespaces,
                namespaces=list(told.namespaces),
                stop_flag=stop,
            )
        )
        done, _ = await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        tasks = [working] if watching is None else [working, watching]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _either(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait until the event is set; raise what the task raised if it ended before."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> int:
    """Work until `stop`; return the exit code."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return 0
    stopping.cancel()
    try:
        working.result()
    except BaseExceptionGroup as group:
        log.exception("the operator ends: %s", group.exceptions[0])
        return 1
    # Kopf takes the signals over, and ends by itself.
    log.info("stopped")
    return 0
