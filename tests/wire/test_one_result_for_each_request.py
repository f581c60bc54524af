"""The one promise: whatever a peer does, `done` is called exactly once for each request."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.wire.client import Results
from tests.wire.scripted import Peer, Script, Scripted
from tests.wire.test_reader_survives_anything import mutated

from eventing_alibaba.wire.pool import Pool

END = st.sampled_from(["close", "reset", "half-close", "stay"])
WRITES = st.lists(st.one_of(mutated(), st.binary(max_size=50)), max_size=3)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    plays=st.lists(st.tuples(WRITES, END), min_size=1, max_size=4),
    requests=st.integers(1, 4),
    collect=st.booleans(),
)
async def test_any_peer_gives_one_result(
    plays: list[tuple[list[bytes], str]], requests: int, *, collect: bool
) -> None:
    """Servers that write noise, in pieces, and end in any way, leave no request without its result.

    What hangs is ended by the exchange's deadline, what is left by closing the pool.
    """
    turn = 0

    async def script(peer: Peer) -> None:
        nonlocal turn
        while True:
            await peer.request()
            writes, end = plays[turn % len(plays)]
            turn += 1
            for data in writes:
                await peer.write(data)
                await asyncio.sleep(0)
            if end == "close":
                return
            if end == "reset":
                peer.reset()
                return
            if end == "half-close":
                peer.half_close()
                await peer.end()
                return

    async with Scripted(_tolerant(script)) as server:
        pool = Pool(server.target, limit=2, collect_headers=collect)
        results = Results(pool)
        sent = 0

        def more() -> None:
            nonlocal sent
            if sent < requests:
                sent += 1
                assert results.send(sent, timeout=0.02, then=more)

        more()
        more()
        await results.wait(max(requests, sent))
        assert sorted(token for token, _ in results.got) == list(range(1, sent + 1))
        assert pool.in_flight == 0
        assert "busy=0" in repr(pool)
        await pool.close()
        assert len(results.got) == sent


def _tolerant(script: Script) -> Script:
    async def play(peer: Peer) -> None:
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, OSError):
            peer.ended.set()

    return play
