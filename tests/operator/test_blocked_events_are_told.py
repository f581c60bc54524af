"""Events that hold up their partition or key: what the adapters name, oldest first."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from tests.operator.asking import (
    Going,
    Said,
    adapter,
    pod,
    until,
)

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.status import Verdict


async def test_blocked_events_are_told_the_oldest_first(
    stack: AsyncExitStack, said: Said, going: Going
) -> None:
    """Of all ready pods; a source is not woken by more of them, and it ends with the last."""
    _, other = await stack.enter_async_context(adapter(said["port"], "127.0.0.2"))
    pods = pod("a"), pod("b", started=1, address="127.0.0.2")
    said["blocked"] = [blocked(7, since=1_700_000_100)]
    going.of(*pods)
    await until(lambda: going.woken)
    found = going.of(*pods).blocked
    assert found == Verdict.of(
        reasons.EVENT_BLOCKED,
        "orders partition:1/offset:7 is blocked since 2023-11-14T22:15:00Z: the service"
        " answered 500",
    )
    other["blocked"] = [blocked(3, since=1_700_000_000)]
    await going.after(20, said)
    await until(lambda: len(going.woken) == 2)
    found = going.of(*pods).blocked
    assert found is not None
    assert "offset:3 is blocked since 2023-11-14T22:13:20Z" in found.message
    assert "500; and others. Mend the service" in found.message
    said["blocked"] = [blocked(n, since=1_700_000_100 + n) for n in range(20)]
    await going.after(20, said)
    assert len(going.woken) == 2
    said["blocked"] = other["blocked"] = []
    await going.after(20, said)
    await until(lambda: len(going.woken) == 3)
    assert going.of(*pods).blocked is None


@pytest.mark.parametrize(
    "listed",
    [
        None,
        {},
        [None, 5, "x", {}, {"since": "now"}, {"since": -1}, {"since": 1e300}],
        [{"since": True, "id": 5, "origin": [], "reason": {}}],
    ],
)
async def test_any_form_of_blocked_does_no_harm(going: Going, said: Said, listed: object) -> None:
    """Whatever stands there, the version is known, and the next round is asked."""
    said["blocked"] = listed
    going.of(pod("a"))
    await until(lambda: going.woken)
    assert going.of(pod("a")).version == "1.2.3"


def blocked(offset: int, *, since: float) -> Said:
    return {
        "origin": "orders",
        "id": f"partition:1/offset:{offset}",
        "reason": "the service answered 500",
        "status": 500,
        "since": since,
    }
