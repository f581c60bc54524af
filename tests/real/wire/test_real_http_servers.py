"""The same scenarios against each HTTP server that people run behind a sink's address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from tests.real.servers.started import started
from tests.real.wire.foreign import ForeignServer

from eventing_alibaba.wire.errors import WireError
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.request import head
from eventing_alibaba.wire.target import Target
from eventing_alibaba.wire.tls import TlsOptions

PATIENCE = 20.0

Pools = Callable[..., Pool]


@pytest.fixture(scope="module", params=["nginx", "node", "go"])
def server(request: pytest.FixtureRequest) -> Iterator[ForeignServer]:
    """Each of the servers in turn."""
    with started(ForeignServer(request.param)) as running:
        yield running


@pytest_asyncio.fixture
async def pools() -> AsyncIterator[Pools]:
    """Make pools that are closed after the test."""
    made: list[Pool] = []

    def make(url: str, **options: Any) -> Pool:
        made.append(Pool(Target.parse(url), limit=4, **options))
        return made[-1]

    yield make
    for pool in made:
        await pool.close()


async def post(pool: Pool, path: str, body: bytes = b"event") -> Any:
    """POST and return the answer."""
    headers = [("Content-Type", "text/plain"), ("Accept-Encoding", "gzip")]
    request = head("POST", pool.target, headers, len(body), path=path) + body
    return await pool.request(request, timeout=PATIENCE)


async def test_statuses_arrive_over_one_connection(server: ForeignServer, pools: Pools) -> None:
    """Bodies, no body, headers and chunks are read to their end: nothing is left for the next."""
    pool = pools(server.url)
    for _ in range(3):
        assert (await post(pool, "/ok")).status == 200
        assert (await post(pool, "/none")).status == 204
        busy = await post(pool, "/busy")
        assert (busy.status, busy.body, busy.header(b"retry-after")) == (503, b"busy", b"7")
        assert (await post(pool, "/chunked")).status == 200
    assert (pool.opened, pool.resends) == (1, 0)


async def test_chunks_are_put_together(server: ForeignServer, pools: Pools) -> None:
    """A chunked body arrives whole where it is wanted."""
    pool = pools(server.url, collect_headers=True, keep_body=10_000)
    answer = await post(pool, "/chunked")
    assert answer.header(b"transfer-encoding") == b"chunked"
    assert answer.complete
    if server.name != "nginx":  # which compresses it
        assert answer.body == b"x" * 3000 + b"y" * 3000


async def test_closing_server_is_left(server: ForeignServer, pools: Pools) -> None:
    """After `Connection: close` the next request opens a connection, without a second try."""
    pool = pools(server.url)
    for _ in range(3):
        assert (await post(pool, "/close")).status == 200
    assert (pool.opened, pool.resends) == (3, 0)


@pytest.mark.parametrize("size", [0, 1, 65_536, 10_000_000])
async def test_body_arrives_whole(server: ForeignServer, pools: Pools, size: int) -> None:
    """The server counts as many bytes as were sent."""
    pool = pools(server.url, collect_headers=True)
    assert (await post(pool, "/size", b"x" * size)).body == str(size).encode()


async def test_too_large_is_told_before_everything_is_sent(
    server: ForeignServer, pools: Pools
) -> None:
    """A refusal that comes while the request is being written is what counts."""
    pool = pools(server.url)
    assert (await post(pool, "/limited", b"x" * 20_000)).status == 413
    assert (await post(pool, "/ok")).status == 200


async def test_many_at_once(server: ForeignServer, pools: Pools) -> None:
    """Hundreds of requests over a few connections each get their answer."""
    pool = pools(server.url)
    answers = await asyncio.gather(*(post(pool, "/ok") for _ in range(500)))
    assert {answer.status for answer in answers} == {200}
    assert pool.opened <= 4


@pytest.mark.parametrize("server", ["node", "go"], indirect=True)
async def test_interim_answer_is_skipped(server: ForeignServer, pools: Pools) -> None:
    """103 Early Hints is not taken for the answer."""
    pool = pools(server.url)
    for _ in range(3):
        assert (await post(pool, "/hints")).status == 200
    assert pool.opened == 1


@pytest.mark.parametrize("server", ["node", "go"], indirect=True)
async def test_broken_answers(server: ForeignServer, pools: Pools) -> None:
    """A 2xx whose body breaks off counts; no answer at all on a fresh connection is an error."""
    pool = pools(server.url)
    assert (await post(pool, "/cut")).status == 200
    with pytest.raises(WireError) as caught:
        await post(pool, "/abort")
    assert (caught.value.kind, caught.value.sent) == ("closed", True)
    assert pool.resends == 0


async def test_restart_costs_a_second_try_at_most(server: ForeignServer, pools: Pools) -> None:
    """A server that is killed and comes back is served on, by new connections."""
    pool = pools(server.url)
    assert (await post(pool, "/ok")).status == 200
    server.stop()
    with pytest.raises(WireError, match="refused"):
        await post(pool, "/ok")
    server.start()
    assert (await post(pool, "/ok")).status == 200


async def test_tls_is_spoken_and_verified(server: ForeignServer, pools: Pools) -> None:
    """With the right authority requests go through on one connection, with another they do not."""
    right = TlsOptions(system=False, ca_files=(str(server.certificates.authority),))
    pool = pools(server.tls_url, tls=right, collect_headers=True)
    for _ in range(3):
        assert (await post(pool, "/ok")).status == 200
    assert (await post(pool, "/size", b"x" * 3_000_000)).body == b"3000000"
    assert pool.opened == 1
    wrong = TlsOptions(system=False, ca_files=(str(server.certificates.stranger),))
    with pytest.raises(WireError, match="an authority that is not known here"):
        await post(pools(server.tls_url, tls=wrong), "/ok")


async def test_wrong_scheme_is_recognized(server: ForeignServer, pools: Pools) -> None:
    """Https to the plain port says so; http to the TLS port gets a refusal, whatever its form."""
    host = Target.parse(server.url).address
    with pytest.raises(WireError, match="does not speak TLS"):
        await post(pools(f"https://{host}"), "/ok")
    plain = pools(server.tls_url.replace("https", "http"))
    if server.name == "node":  # which closes without a word
        with pytest.raises(WireError, match="before an answer"):
            await post(plain, "/ok")
    else:
        assert (await post(plain, "/ok")).status == 400
