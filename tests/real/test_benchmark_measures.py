"""The benchmark's figures, on a load small enough for every run of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from benchmarks.forwarder import Forwarder
from benchmarks.peer import Start, load, prepare
from benchmarks.records import SIZE, body
from benchmarks.sinks.epoll import EpollSink
from tests.real.servers.started import started

ROOT = Path(__file__).resolve().parents[2]


def test_a_benchmark_leaves_a_row_for_each_case(tmp_path: Path) -> None:
    """From a real broker a peer's records all arrive, once, and each case's columns are filled."""
    pytest.importorskip("aiokafka")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("the benchmark needs two cores")
    with started(EpollSink()):  # skips where there is no compiler
        pass
    output = tmp_path / "kafka.json"
    options = ["--records=4000", "--peers=aiokafka", "--cases=fast,slow5ms", "--repeat=1"]
    command = [sys.executable, "-m", "benchmarks.kafka", *options, f"--output={output}"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=150, cwd=ROOT
    )
    if "is not installed" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(output.read_text())
    assert [row["case"] for row in found["rows"]] == ["fast", "slow5ms-64", "slow5ms-256"]
    assert found["header"]["failures"] == []
    for row in found["rows"]:
        assert (row["peer"], row["records"], row["duplicates"]) == ("aiokafka", 4000, 0)
        assert row["records_per_second"] > 0
        assert 5 < row["cpu_us_per_record"] < 10_000
        assert 10 < row["peak_rss_mb"] < 1_000
        assert row["wrk_rps"] > 0
    # 64 in flight at 5 ms are at most 12,800 a second: the sink does hold its answers back.
    slow = found["rows"][1]
    assert slow["wrk_rps"] < 12_900


def test_sink_holds_answers_back_and_notes_travel_times() -> None:
    """An answer comes after the delay, also to a chunked body, and the record's age is noted."""
    with started(EpollSink(delay=0.05, recording=True)) as sink:
        connection = HTTPConnection("127.0.0.1", sink.port, timeout=10)
        made = []
        for headers in ({}, {"Transfer-Encoding": "chunked"}):
            stamp = time.time_ns()
            record = body(stamp)
            begun = time.monotonic()
            halves = iter([record[:500], record[500:]])
            connection.request(
                "POST", "/", halves if headers else record, headers, encode_chunked=bool(headers)
            )
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (204, b"")
            assert time.monotonic() - begun >= 0.05
            made.append(stamp)
        connection.close()
        assert sink.count() == 2
        sink.stop()
        notes = sink.notes()
        assert [stamp for stamp, _ in notes] == made
        assert all(0 < came - stamp < 5e9 for stamp, came in notes)


def test_usage_is_that_of_all_descendants(tmp_path: Path) -> None:
    """CPU time and memory of a child count as the forwarder's, running and ended."""
    burn = "import time; b=bytearray(50_000_000); e=time.process_time()+0.3\n"
    burn += "while time.process_time()<e: pass\n"
    wait = "print('burnt', flush=True); time.sleep(60)"
    grandchild = f"import subprocess,sys; subprocess.run([sys.executable,'-c',{burn + wait!r}])"
    start = Start([sys.executable, "-c", grandchild], {})
    forwarder = Forwarder(start, folder=tmp_path, core=max(os.sched_getaffinity(0)))
    try:
        deadline = time.monotonic() + 30
        while "burnt" not in forwarder.tail():
            assert time.monotonic() < deadline
            assert forwarder.alive
        usage = forwarder.usage()
        assert 0.3 <= usage.cpu < 5
        assert usage.peak_rss > 60_000_000
    finally:
        forwarder.stop()
    assert not forwarder.alive


@pytest.mark.parametrize("name", ["ours", "camel", "aiokafka"])
def test_descriptor_is_filled_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each descriptor's command and configuration name what the run decides, all words filled."""
    monkeypatch.setattr("benchmarks.peer.class_path", lambda *_, **__: "jars/*")
    monkeypatch.setattr("benchmarks.peer.shutil.which", lambda name: name)
    decided = {
        "bootstrap": "127.0.0.1:1",
        "topic": "a-topic",
        "group": "a-group",
        "sink": "http://127.0.0.1:2/",
    }
    start = prepare(load(name), folder=tmp_path, concurrency=7, **decided)
    told = " ".join(start.command) + "".join(path.read_text() for path in tmp_path.iterdir())
    assert [word for word in decided.values() if word not in told] == []
    assert "{" not in told


def test_record_is_one_kibibyte_of_json() -> None:
    """The body has the promised size and shows when it was made."""
    record = body(1_700_000_000_000_000_000)
    assert len(record) == SIZE
    assert json.loads(record)["t"] == 1_700_000_000_000_000_000
