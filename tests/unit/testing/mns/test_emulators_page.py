"""The page about emulators: its test runs, its tables name what there is."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from eventing_alibaba.testing.emulators.kafka import KafkaEmulator
from eventing_alibaba.testing.emulators.kafka.command import routes as kafka_routes
from eventing_alibaba.testing.emulators.mns import Fault, MnsEmulator
from eventing_alibaba.testing.emulators.mns.control import routes as mns_routes
from eventing_alibaba.testing.emulators.rocketmq import Fault as RocketmqFault
from eventing_alibaba.testing.emulators.rocketmq import RocketmqEmulator
from eventing_alibaba.testing.emulators.rocketmq.control import routes as rocketmq_routes

PAGE: Final = (Path(__file__).parents[4] / "docs/emulators.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    """What the page shows is a whole file of tests, and they pass."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_orders.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_every_route_is_on_the_page() -> None:
    """The tables of the admin endpoint have all routes of the emulators, and no others."""
    named = set(re.findall(r"`((?:GET|POST|DELETE) /[a-z/-]+)`", PAGE))
    routes = {*mns_routes(MnsEmulator()), *kafka_routes(KafkaEmulator())}
    assert named == routes | {*rocketmq_routes(RocketmqEmulator())}


@pytest.mark.parametrize(("head", "fault"), [("argument", Fault), ("word", RocketmqFault)])
def test_every_argument_of_a_fault_is_on_the_page(head: str, fault: type) -> None:
    """The tables of `fail` have all of its words."""
    table = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    named = set(
        re.findall(r"`([a-z]+)`(?=[,|` ])", re.sub(r"\|[^|]*\|$", "|", table, flags=re.MULTILINE))
    )
    assert named == set(inspect.signature(fault).parameters) - {"operation"}


def test_methods_on_the_page_exist() -> None:
    """Whatever the page calls as a method is one of an emulator."""
    called = set(re.findall(r"`([a-z_]+)\(", PAGE))
    called -= {"kafka_topic", "mns_queue", "rocketmq_topic", "fail"}
    assert len(called) > 12
    known = {name for kind in (MnsEmulator, KafkaEmulator, RocketmqEmulator) for name in dir(kind)}
    assert called <= known
