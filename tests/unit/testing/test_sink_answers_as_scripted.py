"""What a client sees on the wire, from the sink on asyncio and from the process on uvloop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.unit.testing.raw import Raw, request

from eventing_alibaba.testing.sink import Answer, Record, RecordingSink, Rule, SinkProcess

Sink = RecordingSink | SinkProcess


@pytest.fixture(scope="module")
def sink_process() -> Iterator[SinkProcess]:
    """One process for all tests of this file."""
    with SinkProcess() as sink:
        yield sink


@pytest.fixture(params=["asyncio", "uvloop"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
    """The sink here, then the same in its process."""
    if request.param == "asyncio":
        async with RecordingSink() as here:
            yield here
    else:
        there: SinkProcess = request.getfixturevalue("sink_process")
        there.set_rules()
        there.set_default(Answer())
        there.clear()
        yield there


def records(sink: Sink) -> list[Record]:
    """Return what the sink has recorded so far."""
    return list(sink.records if isinstance(sink, RecordingSink) else sink.records())


async def test_an_event_is_answered_and_recorded(sink: Sink) -> None:
    """Without a script a delivery gets 204 and leaves one record with all its fields."""
    async with Raw(sink.url) as raw:
        raw.send(request("a/1", source="/orders"))
        assert await raw.head() == "HTTP/1.1 204 No Content\r\n\r\n"
    (record,) = records(sink)
    assert (record.order, record.id, record.source) == (0, "a/1", "/orders")
    assert (record.attempt, record.status, record.connection > 0) == (1, 204, True)
    assert record.answered is not None
    assert 0 <= record.answered - record.arrived < 1


async def test_status_headers_and_body_are_sent(sink: Sink) -> None:
    """Status, Retry-After, further headers and a body of known length reach the client."""
    sink.set_default(Answer(status=503, retry_after=7, headers={"X-Why": "load"}, body="later"))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        head = await raw.head()
        assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
        assert "\r\nRetry-After: 7\r\n" in head
        assert "\r\nX-Why: load\r\n" in head
        assert "\r\nContent-Length: 5\r\n" in head
        assert await raw.exactly(5) == b"later"
    assert [record.status for record in records(sink)] == [503]


async def test_a_body_may_be_chunked(sink: Sink) -> None:
    """A chunked answer has its body in two chunks and an end, and the connection lives on."""
    sink.set_default(Answer(status=200, framing="chunked", body="hello"))
    async with Raw(sink.url) as raw:
        for event_id in ("1", "2"):
            raw.send(request(event_id))
            assert "Transfer-Encoding: chunked" in await raw.head()
            assert await raw.exactly(20) == b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


async def test_a_body_may_end_with_the_connection(sink: Sink) -> None:
    """A close-delimited answer has no length and is whole when the connection ends."""
    sink.set_default(Answer(status=200, framing="close", body="until the end"))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        head = await raw.head()
        assert "Content-Length" not in head
        assert "Connection: close" in head
        assert await raw.rest() == b"until the end"
    assert [record.status for record in records(sink)] == [200]


async def test_interim_answers_come_first(sink: Sink) -> None:
    """1xx answers precede the final one on the same connection."""
    sink.set_default(Answer(status=202, informational=(102, 103)))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        statuses = [(await raw.head()).split()[1] for _ in range(3)]
    assert statuses == ["102", "103", "202"]


async def test_drop_ends_the_connection_without_a_byte(sink: Sink) -> None:
    """A dropped delivery is recorded but not answered."""
    sink.set_default(Answer(fault="drop"))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        assert await raw.rest() == b""
    assert [(r.status, r.answered) for r in records(sink)] == [(0, None)]


async def test_reset_is_a_tcp_reset(sink: Sink) -> None:
    """The client's read fails with a reset, not with an orderly end."""
    sink.set_default(Answer(fault="reset"))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        with pytest.raises(ConnectionResetError):
            await raw.rest()
    assert [record.status for record in records(sink)] == [0]


async def test_half_an_answer_is_a_prefix_of_it(sink: Sink) -> None:
    """The client gets the first half of the bytes, then the end; it does not count as answered."""
    answer = Answer(status=200, body="0123456789")
    sink.set_default(Answer(status=200, body="0123456789", fault="half"))
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        got = await raw.rest()
    assert got == answer.encode()[: len(answer.encode()) // 2]
    assert [record.status for record in records(sink)] == [0]


async def test_never_leaves_the_connection_open_and_silent(sink: Sink) -> None:
    """An unanswered request also holds back the next one of its connection, and no other."""
    sink.set_rules(Rule(answer=Answer(fault="never"), match={"id": "1"}))
    async with Raw(sink.url) as silent, Raw(sink.url) as other:
        silent.send(request("1") + request("2"))
        other.send(request("3"))
        assert (await other.head()).startswith("HTTP/1.1 204")
        if isinstance(sink, RecordingSink):
            await sink.wait_recorded(3)
        else:
            sink.wait_recorded(3)
        assert sink.disconnect() == 2
        assert await silent.rest() == b""
    assert {r.id: r.status for r in records(sink)} == {"1": 0, "2": 0, "3": 204}


async def test_a_delay_holds_back_what_is_behind_it(sink: Sink) -> None:
    """Pipelined requests are answered in their order, the delayed one not before its time."""
    slow = Answer(status=500, delay=0.05)
    sink.set_rules(Rule(answer=slow, match={"id": "slow"}))
    async with Raw(sink.url) as raw:
        raw.send(request("slow") + request("fast"))
        assert (await raw.head()).startswith("HTTP/1.1 500")
        assert (await raw.head()).startswith("HTTP/1.1 204")
    first, second = records(sink)
    assert first.answered is not None
    assert first.answered - first.arrived >= 0.05 - 0.002  # uvloop counts milliseconds
    assert second.answered is not None
    assert second.answered >= first.answered


async def test_hangup_is_not_announced_and_close_is(sink: Sink) -> None:
    """Both end the connection after a whole answer; only `close` says so in the headers."""
    sink.set_rules(
        Rule(answer=Answer(after="hangup"), match={"id": "h"}),
        Rule(answer=Answer(after="close"), match={"id": "c"}),
    )
    heads = {}
    for event_id in "hc":
        async with Raw(sink.url) as raw:
            raw.send(request(event_id))
            heads[event_id] = await raw.head()
            assert await raw.rest() == b""
    assert "Connection: close" not in heads["h"]
    assert "Connection: close" in heads["c"]
    assert [record.status for record in records(sink)] == [204, 204]


async def test_a_client_that_asks_for_the_end_gets_it(sink: Sink) -> None:
    """`Connection: close` in a request ends the connection after its answer."""
    async with Raw(sink.url) as raw:
        raw.send(request("1", headers="Connection: close\r\n"))
        assert "Connection: close" in await raw.head()
        assert await raw.rest() == b""


async def test_expect_continue_is_granted_before_the_body(sink: Sink) -> None:
    """A client that waits for 100 Continue gets it, then its answer."""
    whole = request("1", body=b"x" * 10, headers="Expect: 100-continue\r\n")
    async with Raw(sink.url) as raw:
        raw.send(whole[:-10])
        assert await raw.head() == "HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(whole[-10:])
        assert (await raw.head()).startswith("HTTP/1.1 204")


async def test_what_is_no_http_is_refused(sink: Sink) -> None:
    """Garbage gets 400 and the end of the connection, and no record."""
    async with Raw(sink.url) as raw:
        raw.send(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert (await raw.rest()).startswith(b"HTTP/1.1 400 ")
    assert records(sink) == []


async def test_an_upgrade_is_not_followed(sink: Sink) -> None:
    """A request that offers another protocol is answered as HTTP/1.1, then the connection ends."""
    async with Raw(sink.url) as raw:
        raw.send(
            request("1", headers="Connection: Upgrade\r\nUpgrade: h2c\r\n") + b"PRI * HTTP/2.0"
        )
        assert (await raw.rest()).startswith(b"HTTP/1.1 204 ")
    assert [record.status for record in records(sink)] == [204]


async def test_probes_are_answered_and_not_recorded(sink: Sink) -> None:
    """GET gets 200, a method that cannot carry an event 405; neither leaves a record."""
    async with Raw(sink.url) as raw:
        raw.send(b"GET / HTTP/1.1\r\nHost: s\r\n\r\nPUT / HTTP/1.1\r\nHost: s\r\n\r\n")
        assert [(await raw.head()).split()[1] for _ in range(2)] == ["200", "405"]
    assert records(sink) == []


async def test_the_sink_can_be_down_and_come_back(sink: Sink) -> None:
    """While down, open connections are cut and new ones refused; then the same URL works again."""
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        await raw.head()
        if isinstance(sink, RecordingSink):
            await sink.refuse()
        else:
            sink.refuse()
        assert await raw.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        async with Raw(sink.url):
            pass
    if isinstance(sink, RecordingSink):
        await sink.accept()
    else:
        sink.accept()
    async with Raw(sink.url) as raw:
        raw.send(request("1"))
        await raw.head()
    assert [(r.id, r.attempt) for r in records(sink)] == [("1", 1), ("1", 2)]
