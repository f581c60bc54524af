"""`/metrics` is valid Prometheus text and has what the flow counted, under documented names."""

from __future__ import annotations

import logging
import math

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from eventing_alibaba.flow.counters import DURATION_BOUNDS, Counters, Histogram
from eventing_alibaba.runtime import metrics
from eventing_alibaba.runtime.telemetry import Telemetry

SOURCE = "post/parcels"


def samples(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """Return the samples of a scrape, by name and values of the other labels in order."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(telemetry.text().decode()):
        for sample in family.samples:
            if not sample.name.startswith(metrics.PREFIX):
                continue
            if sample.name != metrics.BUILD_INFO:
                assert sample.labels["source"] == SOURCE
            values = [value for name, value in sorted(sample.labels.items()) if name != "source"]
            key = (sample.name.removeprefix(metrics.PREFIX), *values)
            assert key not in found
            found[key] = sample.value
    return found


def made(counters: Counters, **more: object) -> Telemetry:
    """Return the telemetry of these counters."""
    return Telemetry(counters, kind="ParcelSource", source=SOURCE, **more)  # type: ignore[arg-type]


def test_everything_counted_is_told() -> None:
    """Each counter under its name, with its labels."""
    counters = Counters()
    counters.received = 7
    counters.delivered = 5
    counters.attempts["5xx"] = 3
    counters.settle("ack", 4)
    counters.settle("ack")
    counters.error("receiving", "disconnected")
    counters.error("receiving", "disconnected")
    counters.count("retention_lost_records", 12)
    found = samples(made(counters, resends=lambda: 2))
    assert found["received_messages_total",] == 7
    assert found["delivered_events_total", "2xx"] == 5
    assert found["delivery_attempts_total", "2xx"] == 5
    assert found["delivery_attempts_total", "5xx"] == 3
    assert found["resent_requests_total",] == 2
    assert found["settled_messages_total", "ack"] == 5
    assert found["errors_total", "disconnected", "receiving"] == 2
    assert found["retention_lost_records_total",] == 12


def test_counters_without_labels_begin_at_zero() -> None:
    """A rate needs a first sample."""
    found = samples(made(Counters()))
    assert found["received_messages_total",] == 0
    assert found["delivered_events_total", "2xx"] == 0
    assert found["resent_requests_total",] == 0


def test_histograms_are_cumulative() -> None:
    """A value on a bound is in that bucket; what is above all bounds is in +Inf only."""
    counters = Counters()
    for value in (0.0005, 0.001, 0.002, 700.0):
        counters.duration.observe(value)
    found = samples(made(counters))
    assert found["delivery_duration_seconds_bucket", "0.001"] == 2
    assert found["delivery_duration_seconds_bucket", "0.0025"] == 3
    assert found["delivery_duration_seconds_bucket", "600.0"] == 3
    assert found["delivery_duration_seconds_bucket", "+Inf"] == 4
    assert found["delivery_duration_seconds_count",] == 4
    assert found["delivery_duration_seconds_sum",] == pytest.approx(700.0035)


def test_a_histogram_counts_where_its_bounds_say() -> None:
    """Upper ends are inclusive, and the sum is of all values."""
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.5):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.sum == 7.5


def test_bounds_ascend() -> None:
    """A bucket out of order would count wrongly without a word."""
    for bounds in (DURATION_BOUNDS, Counters().lag.bounds):
        assert list(bounds) == sorted(set(bounds))


def test_gauges_are_asked_at_the_scrape() -> None:
    """Their value is the one of that moment; NaN means there is none."""
    values = [3.0, 5.0]
    gauges = {metrics.IN_FLIGHT: lambda: values.pop(0), metrics.BACKLOG: lambda: math.nan}
    telemetry = made(Counters(), gauges=gauges)
    assert samples(telemetry)["inflight_messages",] == 3
    found = samples(telemetry)
    assert found["inflight_messages",] == 5
    assert ("backlog_messages",) not in found


def test_a_gauge_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """The others are told all the same, and the failure is logged."""
    gauges = {metrics.IN_FLIGHT: lambda: 1 / 0, metrics.BUFFERED: lambda: 2.0}
    with caplog.at_level(logging.ERROR):
        found = samples(made(Counters(), gauges=gauges, breaker=lambda: str(1 / 0)))
    assert found["buffered_messages",] == 2
    assert ("inflight_messages",) not in found
    assert not any(name == "breaker_state" for name, *_ in found)
    assert metrics.IN_FLIGHT in caplog.text


def test_the_breaker_is_in_one_state() -> None:
    """One sample a state, so that a graph shows changes."""
    found = samples(made(Counters(), breaker=lambda: "open"))
    assert found["breaker_state", "open"] == 1
    assert found["breaker_state", "closed"] == 0


def test_build_info_names_version_python_and_kind() -> None:
    """What runs where can be joined to any other metric."""
    [(key, value)] = [
        (key, value) for key, value in samples(made(Counters())).items() if key[0] == "build_info"
    ]
    assert value == 1
    assert "ParcelSource" in key


def test_the_process_is_told_too() -> None:
    """CPU and memory under Prometheus' own names."""
    text = made(Counters()).text().decode()
    assert "process_cpu_seconds_total" in text
    assert "process_resident_memory_bytes" in text


def test_two_runs_do_not_meet() -> None:
    """Nothing is registered globally."""
    one, two = Counters(), Counters()
    one.received = 1
    first, second = made(one), made(two)
    assert samples(first)["received_messages_total",] == 1
    assert samples(second)["received_messages_total",] == 0
    assert not any(name.startswith(metrics.PREFIX) for name in REGISTRY._names_to_collectors)


def test_every_name_has_its_help_and_is_well_formed() -> None:
    """The constants are the documentation's source."""
    names = {
        value
        for name, value in vars(metrics).items()
        if name.isupper() and isinstance(value, str) and name != "PREFIX"
    }
    assert names == set(metrics.HELP)
    assert all(name.startswith(metrics.PREFIX) for name in names)


@pytest.mark.parametrize("name", ["Lost", "lost-records", "", "1lost", "x" * 65, "a b"])
def test_a_name_that_cannot_be_a_metrics_is_refused(name: str) -> None:
    """One bad name would spoil the whole scrape."""
    with pytest.raises(ValueError, match="to name a counter"):
        Counters().count(name, 1)


def test_a_source_cannot_speak_for_the_flow() -> None:
    """A name that is taken is not told twice."""
    counters = Counters()
    counters.count("received_messages", 99)
    assert samples(made(counters))["received_messages_total",] == 0
