"""What `/metrics` says of the operator, made when it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eventing_alibaba import __version__
from eventing_alibaba_operator.status import READY, condition

if TYPE_CHECKING:
    from eventing_alibaba_operator.running import Operator

_PREFIX: Final = "eventing_alibaba_operator"


class Telemetry(Collector):
    """The metrics of one operator."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """Name nothing before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        operator = self._operator
        build = GaugeMetricFamily(f"{_PREFIX}_build_info", "Version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        sources = GaugeMetricFamily(
            f"{_PREFIX}_sources", "Sources by kind and readiness.", labels=["kind", "ready"]
        )
        for (kind, ready), count in sorted(self._sources().items()):
            sources.add_metric([kind, ready], count)
        yield sources
        work = CounterMetricFamily(
            f"{_PREFIX}_reconciles", "Times a source was gone over.", labels=["result"]
        )
        work.add_metric(["done"], operator.queue.done)
        work.add_metric(["failed"], operator.queue.failed)
        yield work
        depth = GaugeMetricFamily(f"{_PREFIX}_queue_depth", "Sources that wait or are worked on.")
        depth.add_metric([], len(operator.queue))
        yield depth
        failing = GaugeMetricFamily(f"{_PREFIX}_failing", "Sources whose last work failed.")
        failing.add_metric([], operator.queue.failing)
        yield failing
        requests = CounterMetricFamily(
            f"{_PREFIX}_api_requests", "Requests to the API server.", labels=["verb"]
        )
        for verb, count in sorted(operator.kube.requests.items()):
            requests.add_metric([verb], count)
        yield requests

    def _sources(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for key in self._operator.inventory:
            source = self._operator.inventory.get(key)
            if source is not None:
                ready = condition(source.status, READY).get("status", "Unknown")
                found[key.kind, str(ready)] += 1
        return found
