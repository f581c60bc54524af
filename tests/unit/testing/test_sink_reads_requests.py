"""What the sink makes of requests, however they are cut into packets and encoded."""

from __future__ import annotations

import asyncio
import ssl

import orjson
import pytest
import trustme
from tests.unit.testing.raw import Raw, request

from eventing_alibaba.testing.sink import Answer, RecordingSink, Script


async def test_requests_may_arrive_byte_by_byte(recording_sink: RecordingSink) -> None:
    """Packet borders mean nothing: path, headers and body are put together again."""
    async with Raw(recording_sink.url) as raw:
        for byte in request("split", body=b'{"a": 1}', headers="X-Trace: abc\r\n"):
            raw.send(bytes([byte]))
            await asyncio.sleep(0)
        await raw.head()
    (event,) = recording_sink.events
    assert (event.id, event.data, event.path) == ("split", b'{"a": 1}', "/in")
    assert (event.header("x-trace"), event.header("absent")) == ("abc", None)


async def test_chunked_requests_are_put_together(recording_sink: RecordingSink) -> None:
    """A request body in chunks is one body."""
    whole = request("1", body=b"", headers="Transfer-Encoding: chunked\r\n")
    whole = whole.replace(b"Content-Length: 0\r\n", b"")
    async with Raw(recording_sink.url) as raw:
        raw.send(whole + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        await raw.head()
    assert [event.data for event in recording_sink.events] == [b"abcde"]


async def test_each_event_of_a_batch_is_recorded(recording_sink: RecordingSink) -> None:
    """A batch is one answer and as many records as it has events, in its order."""
    batch = [{"specversion": "1.0", "id": str(i), "source": "/s", "type": "t"} for i in range(3)]
    body = orjson.dumps(batch)
    head = (
        "POST / HTTP/1.1\r\nHost: s\r\nContent-Type: application/cloudevents-batch+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with Raw(recording_sink.url) as raw:
        raw.send(head.encode() + body)
        await raw.head()
    assert [(r.id, r.status) for r in recording_sink.records] == [(str(i), 204) for i in range(3)]
    assert recording_sink.requests == 1


async def test_a_request_without_event_is_refused_with_a_reason(
    recording_sink: RecordingSink,
) -> None:
    """What holds no valid event gets the script's answer for it and a reason, but no record."""
    recording_sink.script.invalid = Answer(status=422)
    async with Raw(recording_sink.url) as raw:
        raw.send(request("x").replace(b"ce-type: t\r\n", b""))
        assert (await raw.head()).startswith("HTTP/1.1 422")
    assert [i.reason for i in recording_sink.invalid_requests] == [
        "the required attribute 'type' is missing or empty"
    ]
    assert len(recording_sink.records) == 0


async def test_an_answer_that_cannot_be_written_does_not_count(
    recording_sink: RecordingSink,
) -> None:
    """A client that leaves before its delayed answer has not been answered."""
    recording_sink.set_default(Answer(delay=60))
    async with Raw(recording_sink.url) as raw:
        raw.send(request("1"))
        await recording_sink.wait_until(lambda: len(recording_sink.records) == 1)
    await recording_sink.wait_until(lambda: recording_sink.open_connections == 0)
    assert [(r.status, r.answered) for r in recording_sink.records] == [(0, None)]
    assert recording_sink.records.delivered == 0


async def test_waiting_counts_different_delivered_events(recording_sink: RecordingSink) -> None:
    """`wait_delivered` ignores failures and repetitions, and gives up with what it has seen."""
    recording_sink.script = Script(default=Answer(status=500))
    async with Raw(recording_sink.url) as raw:
        raw.send(request("a"))
        await raw.head()
        recording_sink.script.default = Answer()
        raw.send(request("a") + request("a") + request("b"))
        await recording_sink.wait_delivered(2)
        with pytest.raises(TimeoutError, match=r"3 delivered events.*4 of 2 events, 2 delivered"):
            await recording_sink.wait_delivered(3, timeout=0.01)


async def test_what_is_cleared_stays_cleared(recording_sink: RecordingSink) -> None:
    """An answer that is written after `clear` belongs to the forgotten records."""
    recording_sink.set_default(Answer(delay=0.01))
    async with Raw(recording_sink.url) as raw:
        raw.send(request("old"))
        await recording_sink.wait_until(lambda: len(recording_sink.records) == 1)
        recording_sink.clear()
        recording_sink.set_default(Answer(fault="never"))
        raw.send(request("new"))
        await raw.head()
        await recording_sink.wait_until(lambda: len(recording_sink.records) == 1)
    assert [(r.id, r.status) for r in recording_sink.records] == [("new", 0)]


async def test_only_the_latest_events_are_kept_whole() -> None:
    """`keep` bounds memory; records are kept for all."""
    async with RecordingSink(keep=2) as sink, Raw(sink.url) as raw:
        for event_id in "abc":
            raw.send(request(event_id))
            await raw.head()
    assert [event.id for event in sink.events] == ["b", "c"]
    assert [record.id for record in sink.records] == ["a", "b", "c"]
    assert [record.id for record in sink.records.of("b", "/s")] == ["b"]


async def test_the_sink_may_speak_tls() -> None:
    """With a TLS context the same sink serves https, resets included."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with RecordingSink(tls=server) as sink:
        assert sink.url.startswith("https://127.0.0.1:")
        port = int(sink.url.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(request("1"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        sink.set_default(Answer(fault="reset"))
        writer.write(request("2"))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.transport.abort()
        await sink.wait_until(lambda: sink.open_connections == 0)
