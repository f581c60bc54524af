"""Proofs in a sink: looked at before a request is encoded, and nothing is sent without them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from tests.unit.sink.posting import Clock, MemorySecrets, post, secret, sink_auth
from tests.unit.sink.reading import plain
from tests.wire.scripted import Scripted, serve_ok

from eventing_alibaba.sink.auth import SecretHeaders
from eventing_alibaba.sink.identity import Headers, Identity, NoProofError
from eventing_alibaba.sink.outcome import Verdict, judge
from eventing_alibaba.sink.post import Sink, SinkOptions
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool


class Scribe:
    """A proof that shows what the test says, or nothing."""

    def __init__(self, token: str | None = "first") -> None:
        self.token = token
        self.looks = 0
        self.closed = False

    def headers(self) -> Headers:
        self.looks += 1
        if self.token is None:
            raise NoProofError("no OIDC token: /oidc/token does not exist")
        return (("Authorization", f"Bearer {self.token}"),)

    def close(self) -> None:
        self.closed = True


Sinks = Callable[..., Sink]


@pytest_asyncio.fixture
async def sinks() -> AsyncIterator[Sinks]:
    """Make sinks that are closed after the test."""
    made: list[Sink] = []

    def make(server: Scripted, identity: Identity | None, **options: Any) -> Sink:
        pool = Pool(server.target, limit=2)
        made.append(Sink(pool, SinkOptions(namespace="shop", **options), identity))
        return made[-1]

    yield make
    for sink in made:
        await sink.close()


@pytest.mark.parametrize("mode", ["binary", "structured", "raw"])
async def test_a_renewed_credential_is_in_the_next_request(sinks: Sinks, mode: str) -> None:
    """Each form sends what is shown now, at most a second late, besides its other headers."""
    clock, proof = Clock(), Scribe()
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([proof], clock=clock), mode=mode)
        await post(sink)
        proof.token = "second"
        await post(sink)
        clock.now += 1
        await post(sink)
        requests = server.peers[0].requests
    for request, token in zip(requests, (b"first", b"first", b"second"), strict=True):
        assert b"Authorization: Bearer %b\r\n" % token in request
        assert b"Kn-Namespace: shop\r\n" in request
        assert request.count(b"Bearer") == 1
    assert proof.looks == 2


async def test_a_batch_shows_the_same(sinks: Sinks) -> None:
    """A batch is begun with what is shown when it is sent, not when its parts were made."""
    clock, proof = Clock(), Scribe()
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([proof], clock=clock))
        part = sink.part(plain())
        assert part is not None
        proof.token = "second"
        assert b"Authorization: Bearer second\r\n" in sink.batch([part])


async def test_an_idle_sink_does_not_begin_with_an_old_token(sinks: Sinks) -> None:
    """After a night without events the first request carries the token of the morning."""
    clock, proof = Clock(), Scribe()
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([proof], clock=clock))
        await post(sink)
        proof.token, clock.now = "morning", clock.now + 30_000
        await post(sink)
        assert b"Bearer morning" in server.peers[0].requests[1]


async def test_without_a_token_nothing_is_sent_and_the_sink_is_sick(sinks: Sinks) -> None:
    """The result comes later, is of the sick class with the reason, and heals by itself."""
    clock, proof = Clock(), Scribe(None)
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([proof], clock=clock))
        result = await post(sink)
        assert isinstance(result, WireError)
        outcome = judge(result)
        assert (outcome.verdict, outcome.label) == (Verdict.SICK, "credentials")
        assert outcome.reason == "no OIDC token: /oidc/token does not exist"
        assert not result.sent
        assert sink.pool.opened == 0
        proof.token, clock.now = "first", clock.now + 1
        answer = await post(sink)
        assert isinstance(answer, Answer)
        proof.token, clock.now = None, clock.now + 1
        assert isinstance(await post(sink), WireError)


async def test_a_request_that_is_refused_counts_until_it_is_reported(sinks: Sinks) -> None:
    """Who waits until nothing is in flight waits for refused requests too, and the limit holds."""
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([Scribe(None)]))
        request = sink.encode(plain())
        results: list[Answer | WireError] = []
        for _ in range(2):
            assert sink.send(request, list[Any].append, results)
        assert sink.in_flight == 2
        assert not sink.send(request, list[Any].append, results)
        await asyncio.sleep(0)
        assert (len(results), sink.in_flight) == (2, 0)


async def test_a_sink_that_is_shown_nothing_asks_for_nothing(sinks: Sinks) -> None:
    """Without proofs the encoder is called directly: nobody pays for what is not used."""
    async with Scripted(serve_ok) as server:
        sink = sinks(server, None)
        assert sink.encode is sink._encoder
        assert isinstance(await post(sink), Answer)
        assert b"authorization" not in server.peers[0].requests[0].lower()


async def test_closing_a_sink_closes_its_proofs(sinks: Sinks) -> None:
    """What a proof holds, a file with a key, does not outlive the sink."""
    proof = Scribe()
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([proof]))
        await sink.close()
    assert proof.closed


def test_one_missing_proof_is_enough_to_send_nothing() -> None:
    """With a token but without the other secret, the headers stay and the reason is told."""
    clock, token = Clock(), Scribe()
    secrets = MemorySecrets()
    wanted = sink_auth(headers=[{"name": "X-Key", "value": secret("key")}])
    identity = Identity([token, SecretHeaders(wanted, secrets)], clock=clock)
    assert not identity.changed()
    assert repr(identity) == "<Identity spec.sinkAuth.headers[0].value: there is no key `key`>"
    secrets.values["key"] = "k"
    clock.now += 1
    assert identity.changed()
    assert repr(identity) == "<Identity shows Authorization, X-Key>"
    clock.now += 1
    assert not identity.changed()


async def test_a_proof_that_the_machine_does_not_let_read_is_the_sinks_trouble(
    sinks: Sinks,
) -> None:
    """Too many open files, a full disk: nothing is sent, no event is to blame, and it heals."""
    clock, scribe = Clock(), Scribe()
    read = scribe.headers

    def fail() -> Headers:
        raise OSError(24, "Too many open files")

    scribe.headers = fail  # type: ignore[method-assign]
    async with Scripted(serve_ok) as server:
        sink = sinks(server, Identity([scribe], clock=clock))
        refused = judge(await post(sink))
        assert (refused.verdict, refused.label) == (Verdict.SICK, "credentials")
        assert "Too many open files" in refused.reason
        assert sink.pool.opened == 0
        scribe.headers = read  # type: ignore[method-assign]
        clock.now += 1
        assert isinstance(await post(sink), Answer)
