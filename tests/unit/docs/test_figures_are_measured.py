"""The figures of the README are those that the benchmark has written, and of one run."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from tests.unit.docs.pages import ROOT

PEERS: Final = {
    "eventing-alibaba": "ours",
    "aiokafka and aiohttp, by hand": "aiokafka",
    "Camel": "camel",
}

QUEUES: Final = {
    "MNS (the emulator)": ("mns", "ours-mns", "mns-sdk"),
    "RocketMQ 5": ("rocketmq", "ours-rocketmq", "rocketmq-python"),
}


def test_the_readme_has_the_medians_of_the_results() -> None:
    """Row by row and to the last digit; nobody has rounded in our favour."""
    results = json.loads((ROOT / "benchmarks" / "results" / "kafka.json").read_text())
    rows: dict[tuple[str, str], dict[str, Any]] = {
        (row["case"], row["peer"]): row for row in results["rows"]
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, peer in PEERS.items():
        fast, slow = rows["fast", peer], rows["slow5ms-64", peer]
        assert (
            f"| {name} | {fast['records_per_second_steady']:,.0f}"
            f" | {fast['cpu_us_per_record_steady']:.0f} µs | {fast['peak_rss_mb']:.0f} MB"
            f" | {slow['records_per_second_steady']:,.0f} |"
        ) in readme
    assert f"{rows['fast', 'ours']['wrk_rps']:,.0f} posts/s" in readme
    assert f"{rows['slow5ms-64', 'ours']['wrk_rps']:,.0f} where\nthe service" in readme
    assert results["header"]["failures"] == []


@pytest.mark.parametrize("name", QUEUES)
def test_the_readme_has_those_beside_the_official_clients(name: str) -> None:
    """Row by row, from the medians of one run of both."""
    file, ours, theirs = QUEUES[name]
    results = json.loads((ROOT / "benchmarks" / "results" / f"{file}.json").read_text())
    rows = {row["peer"]: row for row in results["rows"]}
    figures = " | ".join(
        f"{rows[peer]['records_per_second_steady']:,.0f}"
        f" | {rows[peer]['cpu_us_per_record_steady']:.0f} µs"
        for peer in (ours, theirs)
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| {name} | {figures} |" in readme
    assert results["header"]["failures"] == []
