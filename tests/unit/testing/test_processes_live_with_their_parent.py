"""Children start, answer their remote control and end; also when nobody can end them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from eventing_alibaba.testing.admin import AdminClient, AdminError
from eventing_alibaba.testing.emulators.kafka import EmulatorProcess
from eventing_alibaba.testing.process import ChildProcess
from eventing_alibaba.testing.sink import SinkProcess

WAIT = 10.0


def free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports that are free."""
    for _ in range(50):
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            sockets[0].bind(("127.0.0.1", 0))
            first = int(sockets[0].getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                for i, sock in enumerate(sockets[1:], 1):
                    sock.bind(("127.0.0.1", first + i))
                return first
    raise AssertionError("no neighbouring free ports")


@pytest.mark.parametrize("kind", [EmulatorProcess, SinkProcess])
def test_a_child_ends_cleanly_when_told(kind: type[ChildProcess]) -> None:
    """SIGTERM ends it with 0; the object then says that it does not run, and can run again."""
    child = kind()
    with child:
        assert child.pid is not None
        with pytest.raises(RuntimeError, match="runs already"):
            child.start()
    assert repr(child) == f"<{kind.__name__} not running>"
    assert (child.stop(), child.kill(), child.stderr()) == (0, 0, "")
    with pytest.raises(RuntimeError, match="is not started"):
        _ = child.admin
    child.start()
    assert child.stop() == 0


def test_an_interrupt_ends_it_too() -> None:
    """Ctrl-C at a terminal is an orderly end, without a traceback."""
    child = EmulatorProcess().start()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGINT)
    process = child._process
    assert process is not None
    assert process.wait(WAIT) == 0
    assert child.stderr() == ""
    child.stop()


@pytest.mark.parametrize("kind", [EmulatorProcess, SinkProcess])
def test_a_child_does_not_outlive_a_killed_parent(kind: type[ChildProcess]) -> None:
    """SIGKILL for the parent leaves nobody to clean up: the child notices and leaves."""
    script = (
        f"from {kind.__module__} import {kind.__name__} as Child; import sys, time;"
        "child = Child().start(); print(child.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        grandchild = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            assert select.select([grandchild], [], [], WAIT)[0] == [grandchild]
        finally:
            os.close(grandchild)


def test_a_child_that_cannot_start_says_why() -> None:
    """Its standard error becomes the text of the exception."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=r"ended with 1: .*(?i:address already in use)"):
            SinkProcess(port=port).start()
        with pytest.raises(RuntimeError, match=r"ended with 1: .*(?i:address already in use)"):
            EmulatorProcess(port=port).start()


def test_a_child_that_never_becomes_ready_is_given_up() -> None:
    """After the time to start it is killed, and the exception says how long it had."""

    class Silent(ChildProcess):
        module = "asyncio"  # a prompt that waits for its input

    silent = Silent(start_timeout=0.01)
    with pytest.raises(TimeoutError, match=r"asyncio was not ready within 0\.01 s"):
        silent.start()
    assert silent.pid is None


def test_the_emulator_can_be_had_on_fixed_ports() -> None:
    """With `port`, brokers are found there and on the next ports, through faults too."""
    first = free_ports(2)
    with EmulatorProcess(brokers=2, port=first, topics={"t": 2}) as kafka:
        servers = f"127.0.0.1:{first},127.0.0.1:{first + 1}"
        assert kafka.bootstrap_servers == servers
        for partition in (0, 1):
            kafka.set_leader("t", partition, partition + 1)
        settings: dict[str, str | int] = {"bootstrap.servers": servers, "log_level": 0}
        settings |= {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 20}
        producer = Producer({**settings, "linger.ms": 5})
        consumer = Consumer({**settings, "group.id": "g", "fetch.wait.max.ms": 10})
        metadata = consumer.list_topics("t", timeout=WAIT)
        assert {(b.host, b.port) for b in metadata.brokers.values()} == {
            ("127.0.0.1", first),
            ("127.0.0.1", first + 1),
        }
        consumer.assign([TopicPartition("t", partition, 0) for partition in (0, 1)])
        kafka.broker_down(2)
        with socket.create_connection(("127.0.0.1", first + 1), timeout=WAIT) as raw:
            assert raw.recv(1) == b""  # a broker that is down keeps nobody waiting
        kafka.broker_up(2)
        for n in range(400):
            producer.produce("t", b"x" * 10_000, partition=n % 2)
        assert producer.flush(WAIT) == 0
        got = 0
        while got < 400:
            message = consumer.poll(WAIT)
            assert message is not None
            got += message.error() is None
        consumer.close()


def test_the_remote_control_says_what_is_wrong() -> None:
    """Unknown routes, unknown arguments, no JSON: each is a sentence, and the child lives on."""
    with EmulatorProcess() as kafka:
        control = kafka.admin
        for method, path, arguments, sentence in (
            ("POST", "/nothing", {}, "no route POST /nothing; there are POST /topics, "),
            ("POST", "/topics", {}, "wants name, optionally partitions; got nothing"),
            ("POST", "/topics", {"name": "a", "size": 1}, "got name, size"),
            ("POST", "/topics", {"name": 5}, "AttributeError: "),
        ):
            with pytest.raises(AdminError, match=sentence):
                control.call(method, path, arguments)
        host, _, port = control.url.removeprefix("http://").partition(":")
        for request, answer in (
            (b"POST /topics HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", b"one JSON object, got list"),
            (b"POST /topics HTTP/1.1\r\nContent-Length: 1\r\n\r\n{", b"unexpected end"),
            (b"POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"with Content-Length"),
        ):
            with socket.create_connection((host, int(port)), timeout=WAIT) as raw:
                raw.sendall(request)
                assert answer in raw.recv(4096)
        assert control.call("POST", "/heal") == {}
    with pytest.raises(OSError):
        AdminClient(control.url).call("POST", "/heal")
