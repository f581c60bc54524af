"""The page's server over real connections: what it answers, and how streams end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.unit.demo.playing import until

from eventing_alibaba.cli.demo.stream import Stream
from eventing_alibaba.cli.demo.web import Request, Response, WebServer

_SECONDS = 10


class _Served:
    """A server with a stream, an echo of commands and one page."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.server = WebServer(self._answer)
        self.port = 0
        self.requests: list[Request] = []

    async def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        if request.path == "/stream":
            return Response(content_type="text/event-stream", stream=self.stream.follow())
        if request.path == "/bad":
            raise ValueError("that is wrong")
        if request.path != "/":
            raise LookupError("no such page")
        return Response(body=b"hello", content_type="text/plain")

    async def ask(self, text: str) -> tuple[int, str, str]:
        """Send bytes; return status, head and body of what is answered until the end."""
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(text.encode("latin-1"))
            answer = (await reader.read()).decode()
            writer.close()
        head, _, body = answer.partition("\r\n\r\n")
        return int(head.split(" ")[1]), head, body

    async def get(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        return await self.ask(f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n")

    async def post(self, path: str, body: str, *more: str) -> tuple[int, str, str]:
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Origin: http://127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *more,
        ]
        return await self.ask("\r\n".join(lines) + "\r\n\r\n" + body)


@pytest.fixture
async def served() -> AsyncIterator[_Served]:
    """A server that runs."""
    one = _Served()
    one.port = await one.server.start(0)
    yield one
    await one.server.close()


async def test_a_page_is_served_and_shut_to_others(served: _Served) -> None:
    """A page comes whole, with headers that keep every foreign host out of it."""
    status, head, body = await served.get("/?v=1")
    assert (status, body) == (200, "hello")
    assert "default-src 'none'" in head
    assert "frame-ancestors 'none'" in head
    assert served.requests[0].path == "/"


async def test_head_has_no_body(served: _Served) -> None:
    """HEAD tells the length and sends nothing."""
    status, head, body = await served.get("/", "HEAD")
    assert (status, body) == (200, "")
    assert "Content-Length: 5" in head


async def test_errors_are_sentences(served: _Served) -> None:
    """What the application refuses comes back as a status and a sentence."""
    assert (await served.get("/nothing"))[::2] == (404, '{"error":"no such page"}')
    assert (await served.post("/bad", "{}"))[::2] == (400, '{"error":"that is wrong"}')


async def test_a_command_has_its_body(served: _Served) -> None:
    """The body of a POST arrives whole, also in chunks."""
    await served.post("/", '{"rate":5}')
    assert served.requests[-1].body == b'{"rate":5}'


async def test_a_guarded_request_never_reaches_the_application(served: _Served) -> None:
    """A foreign host is turned away before anything is done."""
    status, _, _ = await served.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert (status, served.requests) == (421, [])


async def test_two_hosts_are_no_host(served: _Served) -> None:
    """A repeated Host, of which a check could see the wrong one, is no request."""
    text = f"GET / HTTP/1.1\r\nHost: localhost:{served.port}\r\nHost: evil.example\r\n\r\n"
    assert (await served.ask(text))[0] == 400
    assert served.requests == []


@pytest.mark.parametrize("text", ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nBad Header\r\n\r\n"])
async def test_what_is_no_http_is_answered_400(served: _Served, text: str) -> None:
    """Broken requests end their connection and nothing else."""
    assert (await served.ask(text))[0] == 400
    assert (await served.get("/"))[0] == 200


async def test_too_much_is_refused(served: _Served) -> None:
    """A body beyond the bound is refused before it has been read."""
    assert (await served.post("/", "x" * 40_000))[0] == 413


async def test_a_stream_goes_on_until_its_client_leaves(served: _Served) -> None:
    """Followers get what is published; one that leaves is forgotten at once, unasked."""
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"GET /stream HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode())
        served.stream.begin({"run": "1"})
        await reader.readuntil(b"event: snapshot")
        served.stream.publish({"sent": 1})
        await reader.readuntil(b'"state":{"sent":1}')
        assert served.stream.followers == 1
        writer.close()
        await until(lambda: not served.stream.followers)


async def test_closing_ends_open_streams(served: _Served) -> None:
    """The server does not wait for those who follow; they see the end."""
    async with asyncio.timeout(_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"GET /stream HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode())
        await reader.readuntil(b"retry: ")
        await served.server.close()
        await reader.read()
        writer.close()
    assert served.stream.followers == 0
