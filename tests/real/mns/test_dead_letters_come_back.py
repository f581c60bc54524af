"""MNS's own dead-letter policy, and the way back."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from tests.real.mns.adapters import SOAK, Note, soon_visible, source, until

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.emulators.mns import EmulatorProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess

pytestmark = pytest.mark.soak

MESSAGES: Final = 20_000 if SOAK else 2_000
KILLS: Final = 10 if SOAK else 3


def test_what_is_refused_for_good_goes_where_the_queue_says(mns: EmulatorProcess) -> None:
    """Released, received again, released: after that many times the service moves it away."""
    mns.create_queue("dead")
    mns.create_queue("orders", dead_letter="dead", max_receive_count=2, visibility_timeout=5)
    ids = set(mns.send("orders", [f"x{n}" for n in range(20)]))
    with (
        SinkProcess(default=Answer(status=400)) as sink,
        AdapterProcess(source(mns, "orders", sink.url)),
    ):
        sink.wait_recorded(20, timeout=20.0)
        until(lambda: not soon_visible(mns, "orders"), 10.0, "all released")
        mns.age(60.0, "orders")
        sink.wait_recorded(40, timeout=20.0)
        until(lambda: not soon_visible(mns, "orders"), 10.0, "all released again")
        mns.age(120.0, "orders")
        until(lambda: len(mns.messages("dead")) == 20, 20.0, "all moved")
    assert mns.messages("orders") == []
    assert {one["body"] for one in mns.messages("dead")} == {f"x{n}" for n in range(20)}
    assert len(ids) == 20


def test_a_redrive_that_is_killed_loses_nothing(
    mns: EmulatorProcess, tmp_path: Path, record_property: Note
) -> None:
    """SIGKILLed again and again and begun anew, it brings all back, few of it twice."""
    mns.create_queue("dead", visibility_timeout=2)
    mns.create_queue("orders")
    bodies = {f"x{number}" for number in range(MESSAGES)}
    mns.send("dead", sorted(bodies))
    mns.fail("Batch*", delay=0.02)
    file = tmp_path / "source.json"
    file.write_text(json.dumps(source(mns, "orders", "http://127.0.0.1:9")))
    command = [sys.executable, "-m", "eventing_alibaba", "redrive", "-f", str(file)]
    command += ["--from", "dead"]
    for number in range(KILLS):
        process = subprocess.Popen(command)
        goal = MESSAGES * (number + 1) // (KILLS + 2)
        try:
            until(partial(_moved, mns, goal), 120.0, f"{goal} moved")
        finally:
            process.kill()
            process.wait()
    mns.heal()
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done
    assert mns.messages("dead") == []
    back = [one["body"] for one in mns.messages("orders")]
    assert set(back) == bodies
    record_property("in both queues", len(back) - len(bodies))
    assert len(back) - len(bodies) <= 16 * KILLS


def _moved(mns: EmulatorProcess, goal: int) -> bool:
    return mns.counts("orders")["active"] >= goal
