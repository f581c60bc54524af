"""`check`, `send` and `redrive` on a real cluster, and filters, which its broker applies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.real.mns.adapters import until
from tests.real.rocketmq.place import Place
from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.testing.adapter import AdapterProcess
from eventing_alibaba.testing.sink import Answer, SinkProcess


def command(folder: Path, name: str, source: dict[str, Any], *arguments: str) -> tuple[int, str]:
    """Run a command on a manifest; return its exit code and all that it printed."""
    file = folder / "source.json"
    file.write_text(json.dumps(source))
    done = subprocess.run(
        [sys.executable, "-m", "eventing_alibaba", name, "-f", str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_is_sent_is_delivered(rocketmq_server: RocketServer, tmp_path: Path) -> None:
    """`check` is content, `send` sends, and the events arrive."""
    place = Place(rocketmq_server, "sent")
    with SinkProcess(keep=5) as sink:
        source = place.source(sink.url)
        code, said = command(tmp_path, "check", source)
        assert code == 0, said
        code, said = command(tmp_path, "send", source, '{"n": 1}', "--count", "5")
        assert code == 0, said
        with AdapterProcess(source) as adapter:
            sink.wait_delivered(5, timeout=30.0)
            until(lambda: place.backlog() == 0, 10.0, "all acknowledged")
            assert adapter.stop() == 0
        assert {event["attributes"]["type"] for event in sink.events()} == {
            "org.apache.rocketmq.message"
        }


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"topic": "not-there"}, "not-there"),
        ({"endpoints": "127.0.0.1:1"}, "127.0.0.1:1"),
        ({"filter": {"type": "sql92", "expression": "a ="}}, "a ="),
        ({"tls": {"enable": True}}, "certificate"),
    ],
    ids=["topic", "port", "filter", "certificate"],
)
def test_check_names_what_is_wrong(
    rocketmq_server: RocketServer, tmp_path: Path, wrong: dict[str, Any], word: str
) -> None:
    """One sentence for each cause, and an exit code that is not 0."""
    place = Place(rocketmq_server, "checked")
    with SinkProcess() as sink:
        code, said = command(tmp_path, "check", place.source(sink.url, **wrong))
    assert code in {1, 78}, said
    assert word in said
    assert "Traceback" not in said


def test_tls_is_spoken_on_the_same_port(rocketmq_server: RocketServer, tmp_path: Path) -> None:
    """With the authority's certificate the proxy is trusted."""
    place = Place(rocketmq_server, "tls")
    authority = rocketmq_server.certificates.authority.read_text()
    port = rocketmq_server.ports.grpc
    with SinkProcess() as sink:
        fields = {"tls": {"enable": True, "caCert": {"value": authority}}}
        source = place.source(sink.url, endpoints=f"127.0.0.1:{port}", **fields)
        code, said = command(tmp_path, "check", source)
    assert code == 0, said


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "tag", "expression": "red || blue"},
        {"type": "sql92", "expression": "TAGS IN ('red', 'blue') AND weight > 2"},
    ],
    ids=["tag", "sql92"],
)
def test_the_broker_filters(rocketmq_server: RocketServer, wanted: dict[str, str]) -> None:
    """Only what the filter lets through comes, and nothing else is waited for."""
    place = Place(rocketmq_server, "filtered")
    ids: set[str] = set()
    for tag in ("red", "green", "blue"):
        written = place.send(10, tag=tag, properties={"weight": "3"})
        ids |= {message.id for message in written if tag != "green"}
    with (
        SinkProcess() as sink,
        AdapterProcess(place.source(sink.url, filter=wanted)) as adapter,
    ):
        sink.wait_delivered(20, timeout=30.0)
        assert adapter.stop() == 0
        assert {record.id for record in sink.records()} == ids


def test_dead_letters_come_back(rocketmq_server: RocketServer, tmp_path: Path) -> None:
    """`redrive` brings a group's dead letters to its topic again, all of them, once."""
    place = Place(rocketmq_server, "redriven")
    dead = Place(rocketmq_server, "dead")
    dead.send(30)
    source = place.source("http://127.0.0.1:9")
    code, said = command(tmp_path, "redrive", source, "--from", dead.name)
    assert code == 0, said
    with SinkProcess(default=Answer()) as sink, AdapterProcess(place.source(sink.url)):
        sink.wait_delivered(30, timeout=30.0)
        until(lambda: place.backlog() == 0, 10.0, "all acknowledged")


def test_what_is_refused_is_put_aside_and_comes_back(
    rocketmq_server: RocketServer, tmp_path: Path
) -> None:
    """Into the topic that the manifest names; `redrive` brings it back as the event that it was."""
    place, dead = Place(rocketmq_server, "refused"), Place(rocketmq_server, "aside")
    written = place.send(10, tag="red", properties={"region": "eu"})
    ids = {message.id for message in written}
    with SinkProcess(default=Answer(status=400), keep=20) as sink:
        fields: dict[str, Any] = {
            "delivery": {"deadLetterSink": {"rocketmq": {"topic": dead.name}}},
            "filter": {"type": "tag", "expression": "red"},
        }
        source = place.source(sink.url, **fields)
        code, said = command(tmp_path, "check", source)
        assert code == 0, said
        assert f"dead-letter topic {dead.name}" in said
        with AdapterProcess(source) as adapter:
            until(lambda: place.admin.count(dead.name, queues=4) == 10, 30.0, "all put aside")
            until(lambda: place.backlog() == 0, 10.0, "all acknowledged")
            sink.set_default(Answer(status=204))
            # Its group has never received from that topic, and would begin near its end.
            place.admin.start_at_beginning(place.name, dead.name, queues=4)
            code, said = command(tmp_path, "redrive", source, "--from", dead.name, "--max", "10")
            assert code == 0, said
            sink.wait_delivered(10, timeout=30.0)
            until(lambda: place.backlog() == 0, 10.0, "all acknowledged")
            assert adapter.stop() == 0
        refused, accepted = sink.events()[:10], sink.events()[10:]
    for events in (refused, accepted):
        assert {event["attributes"]["id"] for event in events} == ids
        assert {event["attributes"]["rmqpropregion"] for event in events} == {"eu"}
    assert not [
        name for one in accepted for name in one["attributes"] if name.startswith("knativeerror")
    ]
