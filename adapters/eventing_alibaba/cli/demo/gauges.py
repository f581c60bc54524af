"""What the adapter says about itself, asked at its own ports as any operator would.

Its counters begin at nothing with each process; what people see goes on counting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson
from prometheus_client.parser import text_string_to_metric_families

from eventing_alibaba.cli.demo.replica import Replica
from eventing_alibaba.runtime import metrics
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.request import head
from eventing_alibaba.wire.target import Target

_EVERY: Final = 0.25
_TIMEOUT: Final = 2.0
_MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """The adapter at one moment.

    Attributes:
        running: there is a process.
        ready: it says that messages flow, or would.
        message: why not, in its words.
        in_flight: requests on the wire to the service.
        held: messages it has, those included.
        breaker: it has stopped sending and only probes.
        failed: attempts without a 2xx, of all processes.
    """

    running: bool = False
    ready: bool = False
    message: str = ""
    in_flight: int = 0
    held: int = 0
    breaker: bool = False
    failed: int = 0


class Gauges:
    """Asks the adapter four times a second.

    Attributes:
        reading: the latest.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._process = 0
        self._failed_before = 0
        self._failed_now = 0
        self.reading = Reading()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self.reading = await self._read()
            await asyncio.sleep(_EVERY)

    async def _read(self) -> Reading:
        replica = self._replica
        if replica.starts != self._process:
            self._process = replica.starts
            self._failed_before += self._failed_now
            self._failed_now = 0
        failed = self._failed_before + self._failed_now
        status_url, metrics_url = replica.status_url, replica.metrics_url
        if status_url is None or metrics_url is None:
            return Reading(running=replica.running, failed=failed)
        try:
            status = orjson.loads(await _get(status_url))
            measured = parsed((await _get(metrics_url)).decode())
        except (WireError, ValueError):  # it ends just now, or is busy
            return Reading(running=replica.running, failed=failed)
        counters: dict[str, Any] = status.get("counters") or {}
        self._failed_now = sum(counters.get("failedAttempts", {}).values())
        return Reading(
            running=True,
            ready=bool(status["ready"]),
            message=str(status["message"]),
            in_flight=round(measured.get(metrics.IN_FLIGHT, 0)),
            held=int(counters.get("held", 0)),
            breaker=measured.get("open", 0) > 0,
            failed=self._failed_before + self._failed_now,
        )


def parsed(text: str) -> dict[str, float]:
    """Return the gauges of a metrics page by name, and each breaker state by its own."""
    found: dict[str, float] = {}
    wanted = (metrics.IN_FLIGHT, metrics.BREAKER)
    lines = (line for line in text.splitlines(keepends=True) if line.startswith(wanted))
    for family in text_string_to_metric_families("".join(lines)):
        for sample in family.samples:
            found[sample.labels.get("state", sample.name)] = sample.value
    return found


async def _get(url: str) -> bytes:
    target = Target.parse(url)
    pool = Pool(target, limit=1, keep_body=_MOST_BYTES, collect_headers=True)
    try:
        answer = await pool.request(head("GET", target, (), None), timeout=_TIMEOUT)
    finally:
        await pool.close()
    return answer.body
