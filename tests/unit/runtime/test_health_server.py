"""Health, status and metrics are served by threads of their own, to whoever can connect."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eventing_alibaba.contract.errors import Unavailable
from eventing_alibaba.runtime import health
from eventing_alibaba.runtime.health import Page, Pages, PageServer, health_pages, metrics_pages
from eventing_alibaba.runtime.heartbeat import HUNG_AFTER, Heartbeat
from eventing_alibaba.runtime.status import Status

WAIT = 10.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        """Return the time that the test says it is."""
        return self.now


@contextmanager
def serving(pages: Pages, host: str = "127.0.0.1") -> Iterator[int]:
    """Serve pages on a free port; yield the port."""
    server = PageServer(pages, host=host, port=0, purpose="health")
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def ask(
    port: int, path: str, method: str = "GET", host: str = "127.0.0.1"
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """Return status, body and headers of an answer."""
    connection = http.client.HTTPConnection(host, port, timeout=WAIT)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_liveness_follows_the_heartbeat_and_nothing_else() -> None:
    """A broker that is gone must not restart the pod; a loop that hangs must."""
    clock, status = Clock(), Status()
    with serving(health_pages(status, Heartbeat(clock))) as port:
        status.set(ready=False, reason="Disconnected")
        for path in ("/healthz", "/health"):
            assert ask(port, path)[:2] == (200, b"ok\n")
        clock.now = HUNG_AFTER + 2
        for path in ("/healthz", "/health"):
            assert ask(port, path)[:2] == (503, b"the event loop has not turned for 12 s\n")


def test_readiness_follows_the_status() -> None:
    """With the reason in words; a hung loop is not ready either."""
    clock, status = Clock(), Status()
    with serving(health_pages(status, Heartbeat(clock))) as port:
        for path in ("/readyz", "/readiness"):
            assert ask(port, path)[:2] == (503, b"starting: Starting: \n")
        status.set("running", ready=True, reason="Running")
        for path in ("/readyz", "/readiness"):
            assert ask(port, path)[:2] == (200, b"ok\n")
        status.set("draining", reason="Stopping", message="SIGTERM")
        assert ask(port, "/readyz")[:2] == (503, b"draining: Stopping: SIGTERM\n")
        status.set("running", ready=True, reason="Running")
        clock.now = HUNG_AFTER
        assert ask(port, "/readyz")[0] == 503


def test_status_is_json() -> None:
    """As the status makes it."""
    status = Status({"name": "p"})
    with serving(health_pages(status, Heartbeat())) as port:
        code, body, headers = ask(port, "/status?pretty")
        assert (code, json.loads(body)["name"]) == (200, "p")
        assert headers["Content-Type"] == "application/json"
        assert headers["Cache-Control"] == "no-store"


def test_metrics_are_made_anew_for_each_scrape() -> None:
    """With the content type that says which format it is."""
    made = iter((b"a 1\n", b"a 2\n"))
    with serving(metrics_pages(lambda: next(made), "text/plain; version=0.0.4")) as port:
        assert ask(port, "/metrics")[1] == b"a 1\n"
        _, body, headers = ask(port, "/metrics")
        assert body == b"a 2\n"
        assert headers["Content-Type"] == "text/plain; version=0.0.4"


def test_only_get_and_head_are_answered() -> None:
    """HEAD is GET without the body; the rest is refused; other paths name those there are."""
    with serving({"/x": lambda: Page(b"hello")}) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as client:
            client.sendall(b"HEAD /x HTTP/1.0\r\n\r\n")
            answer = client.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.0 200 ")
        assert b"\r\nContent-Length: 5\r\n" in answer
        assert answer.endswith(b"\r\n\r\n")
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            code, _, headers = ask(port, "/x", method)
            assert (code, headers["Allow"]) == (405, "GET, HEAD")
        assert ask(port, "/y")[:2] == (404, b"there is nothing here; there is /x\n")
        assert "Python" not in ask(port, "/x")[2]["Server"]


def test_a_page_that_fails_is_an_error_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and the next request is answered."""
    with serving({"/x": lambda: Page(str(1 / 0).encode()), "/y": lambda: Page(b"y")}) as port:
        assert ask(port, "/x")[:2] == (500, b"internal error\n")
        assert ask(port, "/y")[0] == 200
    assert "the page /x cannot be made" in caplog.text


def test_requests_are_not_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Probes come for ever; also a broken request says nothing."""
    with serving({"/x": lambda: Page(b"x")}) as port:
        ask(port, "/x")
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as client:
            client.sendall(b"nonsense\r\n\r\n")
            client.recv(1000)
    assert caplog.text == ""
    assert capfd.readouterr().err == ""


def test_idle_connections_cannot_keep_probes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all connections are taken the oldest gives way, long before its time is up."""
    monkeypatch.setattr(health._Handler, "timeout", 60 * WAIT)
    with serving({"/x": lambda: Page(b"x")}) as port:
        idle = [
            socket.create_connection(("127.0.0.1", port), timeout=WAIT)
            for _ in range(health._MOST_CONNECTIONS + 4)
        ]
        try:
            assert ask(port, "/x")[0] == 200
            assert idle[0].recv(1) == b""
        finally:
            for client in idle:
                client.close()


def test_a_slow_page_does_not_hold_up_the_others() -> None:
    """Each connection has a thread."""
    go = threading.Event()

    def slow() -> Page:
        go.wait(WAIT)
        return Page(b"slow")

    with serving({"/slow": slow, "/x": lambda: Page(b"x")}) as port:
        waiting = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        waiting.request("GET", "/slow")
        assert ask(port, "/x")[0] == 200
        go.set()
        assert waiting.getresponse().read() == b"slow"
        waiting.close()


def test_a_silent_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a request does not keep its thread."""
    assert health._Handler.timeout == 5.0
    monkeypatch.setattr(health._Handler, "timeout", 0.05)
    with (
        serving({"/x": lambda: Page(b"x")}) as port,
        socket.create_connection(("127.0.0.1", port), timeout=WAIT) as client,
    ):
        assert client.recv(1) == b""


def test_a_taken_port_is_a_sentence_that_says_what_to_do() -> None:
    """Another process may have it: nothing in the manifest cures that."""
    with serving({}) as port:
        second = PageServer(
            {}, host="127.0.0.1", port=port, purpose="metrics", flag="--metrics-port"
        )
        with pytest.raises(Unavailable) as caught:
            second.start()
    assert str(caught.value) == (
        f"port {port} of 127.0.0.1 for metrics is taken by another process; "
        "choose another with --metrics-port (0: any)"
    )
    assert caught.value.reason == "PortUnavailable"


def test_a_port_taken_on_one_address_family_is_taken() -> None:
    """Half a server would answer some probes and not others."""
    with (
        serving({}, host="") as port,
        pytest.raises(Unavailable, match=r"port .* of all addresses"),
    ):
        PageServer({}, host="", port=port, purpose="health").start()


def test_an_address_that_is_not_ours_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a name that does not resolve."""
    with pytest.raises(Unavailable, match=r"port 0 of 192\.0\.2\.1 for health cannot be had: "):
        PageServer({}, host="192.0.2.1", port=0, purpose="health").start()

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match=r"of nowhere for health cannot be had: Name.*--host$"):
        PageServer({}, host="nowhere", port=0, purpose="health").start()


def test_all_addresses_are_served_by_default() -> None:
    """IPv4, and IPv6 where the machine has it."""
    with serving({"/x": lambda: Page(b"x")}, host="") as port:
        assert ask(port, "/x")[0] == 200
        if socket.has_dualstack_ipv6():
            assert ask(port, "/x", host="::1")[0] == 200


def test_without_ipv6_there_is_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel may have IPv6 and switch it off."""
    bind = health._Server.server_bind

    def refuse(server: health._Server) -> None:
        if server.address_family == socket.AF_INET6:
            raise OSError(99, "Cannot assign requested address")
        bind(server)

    monkeypatch.setattr(health._Server, "server_bind", refuse)
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    with serving({"/x": lambda: Page(b"x")}, host="") as port:
        assert ask(port, "/x")[0] == 200


def test_a_stopped_server_is_gone() -> None:
    """Its port is free, its connections are closed, and stopping twice is fine."""
    asked, go = threading.Event(), threading.Event()

    def slow() -> Page:
        asked.set()
        go.wait(WAIT)
        return Page(b"slow")

    server = PageServer({"/slow": slow}, host="127.0.0.1", port=0, purpose="health")
    server.start()
    assert server._server is not None
    listener = server._server.socket
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT) as client:
        client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        assert asked.wait(WAIT)
        server.stop()
        server.stop()
        assert client.recv(1) == b""
        go.set()
    assert listener.fileno() == -1
