"""The fixtures as a plugin of somebody else's project, and what the kit imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USERS_TESTS = """
pytest_plugins = ["eventing_alibaba.testing.fixtures"]

def test_a_topic_is_new(kafka_emulator, kafka_topic):
    names = {kafka_topic(), kafka_topic(partitions=2)}
    assert len(names) == 2
    kafka_emulator.latency(10_000)
    kafka_emulator.broker_down()

def test_what_a_test_broke_is_healed(kafka_emulator, kafka_topic):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": kafka_emulator.bootstrap_servers})
    producer.produce(kafka_topic(), b"")
    assert producer.flush(5) == 0
    assert {r.api for r in kafka_emulator.requests()} >= {"Produce"}

async def test_the_sink_is_on_the_loop(recording_sink):
    assert recording_sink.url.startswith("http://127.0.0.1:")
    assert len(recording_sink.records) == 0
"""


def test_fixtures_work_as_a_plugin(tmp_path: Path) -> None:
    """A user's test file names the plugin and uses the fixtures; faults do not leak."""
    (tmp_path / "test_users.py").write_text(USERS_TESTS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_kit_imports_neither_pytest_nor_a_broker_client() -> None:
    """All but the fixtures can be imported without them: an emulator's name costs nothing."""
    modules = ["admin", "identity", "ledger", "process", "report", "sink", "sink.__main__"]
    modules += ["emulators", "emulators.kafka", "emulators.kafka.__main__"]
    script = "import sys\n" + "".join(f"import eventing_alibaba.testing.{m}\n" for m in modules)
    script += "print([m for m in ('pytest', 'confluent_kafka') if m in sys.modules])"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
