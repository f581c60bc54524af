"""What `/metrics` says, made from the flow's plain counters at the moment it is asked.

A collector of its own in a registry of its own: nothing is registered globally, so two runs in one
process (tests, embedding) do not meet, and nothing is kept twice. Gauges are callables, asked when
Prometheus asks; one that fails is left out of that answer and logged, and the others stand.
"""

from __future__ import annotations

import logging
import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from eventing_alibaba import __version__
from eventing_alibaba.flow.counters import Counters, Histogram
from eventing_alibaba.runtime import metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry(Collector):
    """The metrics of one run.

    `gauges` has callables by metric name (`metrics.IN_FLIGHT`, ...), called in the thread of the
    metrics server: they read and change nothing. `breaker` returns one of `metrics.BREAKER_STATES`,
    `resends` how many requests were repeated at once because a reused connection had died.
    """

    def __init__(
        self,
        counters: Counters,
        *,
        kind: str,
        source: str,
        gauges: Mapping[str, Callable[[], float]] | None = None,
        breaker: Callable[[], str] | None = None,
        resends: Callable[[], int] = lambda: 0,
    ) -> None:
        self._resends = resends
        self._counters = counters
        self._kind = kind
        self._source = source
        self._gauges = gauges or {}
        self._breaker = breaker
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format 0.0.4 (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Name nothing before the first scrape: which of its own counters a source has is open."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics of the flow as they are now."""
        counted = self._counters
        build = _gauge(metrics.BUILD_INFO, ("version", "python", "kind"))
        build.add_metric((__version__, platform.python_version(), self._kind), 1)
        yield build
        yield self._counter(metrics.RECEIVED, (), {(): counted.received})
        yield self._counter(metrics.DELIVERED, ("status_class",), {("2xx",): counted.delivered})
        attempts = {(label,): amount for label, amount in counted.attempts.copy().items()}
        attempts["2xx",] = attempts.get(("2xx",), 0) + counted.delivered
        yield self._counter(metrics.ATTEMPTS, ("outcome",), attempts)
        yield self._counter(metrics.RESENDS, (), {(): self._resends()})
        settled = {(result,): amount for result, amount in counted.settled.copy().items()}
        yield self._counter(metrics.SETTLED, ("result",), settled)
        yield self._counter(metrics.ERRORS, ("stage", "error_type"), counted.errors.copy())
        for name, amount in counted.own.copy().items():
            full = f"{metrics.PREFIX}{name}_total"
            if full not in metrics.HELP:  # a source cannot speak for the flow
                yield self._counter(full, (), {(): amount}, f"Counted by the source: {name}.")
        yield self._histogram(metrics.DURATION, counted.duration)
        yield self._histogram(metrics.LAG, counted.lag)
        yield from self._read_gauges()
        yield from self._read_breaker()

    def _read_gauges(self) -> Iterator[Metric]:
        for name, read in self._gauges.items():
            value = _read(name, read)
            if value is not None and not math.isnan(value):
                gauge = _gauge(name, ("source",))
                gauge.add_metric((self._source,), value)
                yield gauge

    def _read_breaker(self) -> Iterator[Metric]:
        now = None if self._breaker is None else _read(metrics.BREAKER, self._breaker)
        if now is not None:
            gauge = _gauge(metrics.BREAKER, ("source", "state"))
            for state in metrics.BREAKER_STATES:
                gauge.add_metric((self._source, state), float(state == now))
            yield gauge

    def _counter(
        self,
        name: str,
        labels: tuple[str, ...],
        values: Mapping[Any, int],
        text: str = "",
    ) -> Metric:
        family = CounterMetricFamily(
            name.removesuffix("_total"), text or metrics.HELP[name], labels=("source", *labels)
        )
        for key, value in values.items():
            family.add_metric((self._source, *key), value)
        return family

    def _histogram(self, name: str, histogram: Histogram) -> Metric:
        family = HistogramMetricFamily(name, metrics.HELP[name], labels=("source",))
        below = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip(
            (*map(str, histogram.bounds), "+Inf"), histogram.counts.copy(), strict=True
        ):
            below += count
            buckets.append((bound, below))
        family.add_metric((self._source,), buckets, histogram.sum)
        return family


def _read(name: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except Exception:
        log.exception("the metric %s cannot be read and is left out", name)
        return None


def _gauge(name: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, metrics.HELP[name], labels=labels)
