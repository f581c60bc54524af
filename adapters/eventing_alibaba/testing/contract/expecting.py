"""What must be true of messages, given which of them the service has accepted."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import pytest

from eventing_alibaba.testing.contract.harness import Ability, Harness, Produced
from eventing_alibaba.testing.ledger import Ledger, Ordering

_LOOK_AGAIN = 0.01


def need(harness: Harness, *abilities: Ability) -> None:
    """Skip the test where the harness denies an ability."""
    for ability in abilities:
        if ability in harness.cannot:
            pytest.skip(harness.cannot[ability])


def need_ordering(harness: Harness, ordering: Ordering) -> None:
    """Skip the test where the source does not know the ordering."""
    if ordering not in harness.orderings:
        pytest.skip(f"this source is {' or '.join(harness.orderings)}, not {ordering}")


def lane(message: Produced, ordering: Ordering) -> str | None:
    """Return a name of the messages that are delivered one at a time with this one."""
    if ordering == "unordered" or message.track is None:
        return None
    if ordering == "keyed" and message.key is not None:
        return f"{message.track} {message.key}"
    return message.track


def remaining(sent: Iterable[Produced], accepted: Collection[str]) -> list[Produced]:
    """Return what is not acknowledged when the service has accepted these ids and no others.

    Of a track that is all from the first that was not accepted.
    """
    left: list[Produced] = []
    stuck: set[str] = set()
    for message in sent:
        if message.id not in accepted or message.track in stuck:
            left.append(message)
            if message.track is not None:
                stuck.add(message.track)
    return left


def ledger(sent: Iterable[Produced], ordering: Ordering, *, slack: float = 0.0) -> Ledger:
    """Return a ledger that expects these messages in this order."""
    told = Ledger("unordered" if ordering == "unordered" else "keyed", slack=slack)
    for message in sent:
        told.sent(message.id, lane=lane(message, ordering))
    return told


def ids(sent: Iterable[Produced]) -> list[str]:
    """Return the ids, sorted."""
    return sorted(message.id for message in sent)


async def until(
    condition: Callable[[], object | Awaitable[object]], *, patience: float, what: str
) -> None:
    """Wait until the condition, a function or a coroutine function, holds. Raises TimeoutError."""
    try:
        async with asyncio.timeout(patience):
            while not await _holds(condition):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(_LOOK_AGAIN)
    except TimeoutError:
        raise TimeoutError(f"waited {patience:g} s in vain for {what}") from None


async def always(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Fail if the condition does not hold all the time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        assert condition(), what
        await asyncio.sleep(_LOOK_AGAIN)


async def left(harness: Harness, count: int) -> None:
    """Wait until exactly `count` messages are not acknowledged.

    Fails at once when there are fewer: what is acknowledged does not come back.
    """
    seen: list[int] = []

    async def reached() -> bool:
        seen.append(await harness.backlog())
        assert seen[-1] >= count, f"{count - seen[-1]} messages too many were acknowledged"
        return seen[-1] == count

    try:
        await until(reached, patience=harness.patience, what=f"a backlog of {count}")
    except TimeoutError as error:
        raise AssertionError(f"{error}; it is {seen[-1] if seen else 'unknown'}") from None


def middle(sent: Sequence[Produced]) -> Produced:
    """Return a message that has others of its track before and behind it."""
    track = [message for message in sent if message.track == sent[0].track]
    return track[len(track) // 2]


async def _holds(condition: Callable[[], object | Awaitable[object]]) -> object:
    found = condition()
    return await found if inspect.isawaitable(found) else found
