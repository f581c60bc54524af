"""The stream: all at first, then only what has changed, at one message a look."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import orjson

from eventing_alibaba.cli.demo.stream import Stream, changes, encoded


async def _next(following: AsyncGenerator[bytes, None]) -> tuple[str, dict[str, Any]]:
    name, _, rest = (await anext(following)).decode().partition("\n")
    return name.removeprefix("event: "), orjson.loads(rest.removeprefix("data: ").strip())


async def _joined(stream: Stream) -> AsyncGenerator[bytes, None]:
    following = stream.follow()
    assert (await anext(following)).startswith(b"retry: ")
    return following


async def test_a_follower_begins_with_all_there_is() -> None:
    """Whoever comes late, or again, gets a snapshot of state, events and log."""
    stream = Stream()
    stream.begin({"run": "a"})
    stream.publish({"sent": 5, "lost": 0}, events=[{"key": 1}], log=[{"text": "up"}])
    name, told = await _next(await _joined(stream))
    assert name == "snapshot"
    assert told["about"] == {"run": "a"}
    assert told["state"] == {"sent": 5, "lost": 0}
    assert [item["key"] for item in told["events"]] == [1]
    assert [item["text"] for item in told["log"]] == ["up"]


async def test_later_only_changes_are_told() -> None:
    """A delta has the fields that differ and the items that are new, nothing else."""
    stream = Stream()
    stream.begin({})
    stream.publish({"sent": 5, "lost": 0}, events=[{"key": 1}])
    following = await _joined(stream)
    await _next(following)
    stream.publish({"sent": 6, "lost": 0}, events=[{"key": 2}, {"key": 3}])
    name, told = await _next(following)
    assert name == "delta"
    assert told["state"] == {"sent": 6}
    assert [item["key"] for item in told["events"]] == [2, 3]
    assert "log" not in told


async def test_a_slow_follower_misses_looks_but_no_change() -> None:
    """However many looks passed, the next message makes up for all of them."""
    stream = Stream()
    stream.begin({})
    following = await _joined(stream)
    await _next(following)
    for sent in range(1, 101):
        stream.publish({"sent": sent, "lost": 0}, log=[{"text": str(sent)}] if sent > 98 else [])
    _, told = await _next(following)
    assert told["state"] == {"sent": 100, "lost": 0}
    assert [item["text"] for item in told["log"]] == ["99", "100"]


async def test_a_new_run_is_a_new_snapshot() -> None:
    """Nothing of the run before is left with those who follow on."""
    stream = Stream()
    stream.begin({"run": "a"})
    stream.publish({"sent": 5}, log=[{"text": "old"}])
    following = await _joined(stream)
    await _next(following)
    stream.begin({"run": "b"})
    name, told = await _next(following)
    assert (name, told["about"], told["state"], told["log"]) == ("snapshot", {"run": "b"}, {}, [])


async def test_a_follower_that_leaves_is_not_counted() -> None:
    """Followers are counted while they follow."""
    stream = Stream()
    following = await _joined(stream)
    assert stream.followers == 1
    await following.aclose()
    assert stream.followers == 0


def test_a_message_is_one_line_of_data() -> None:
    """A line break in a value cannot end a message of the stream early."""
    assert encoded("delta", {"a": "x\n\nevent: y"}).count(b"\n") == 3


def test_changes_are_new_or_different_fields() -> None:
    """None is a value like any other."""
    assert changes({"a": 1, "b": None, "c": 2}, {"a": 1, "b": None, "c": None, "d": None}) == {
        "c": None,
        "d": None,
    }
