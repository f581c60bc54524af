"""A group without order: checkpoints, redelivery, dead letters, and handles that mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.handles import read
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Popped, Wish
from eventing_alibaba.testing.emulators.rocketmq.core.spread import bucket

SECOND = 1000


class Shop:
    """A cluster with the topic "t", and the group "g" that receives from it."""

    def __init__(self, *, max_retries: int = 16) -> None:
        self.cluster = Cluster(["a"])
        self.cluster.create_topic("t", kind="NORMAL", queues=2)
        self.cluster.create_group("g", max_retries=max_retries)
        self.now = 0

    def send(self, *bodies: str, tag: str | None = None) -> None:
        for body in bodies:
            self.cluster.send(self.now, "t", Draft(id=body, body=body.encode(), tag=tag))

    def take(
        self,
        limit: int = 32,
        *,
        wants: Callable[[Draft], bool] | None = None,
        topic: str = "t",
        group: str = "g",
    ) -> list[Popped]:
        most = self.cluster.group(group).most_attempts
        wish = Wish(limit=limit, invisible=30 * SECOND, wants=wants, most_attempts=most)
        return self.cluster.receive(self.now, group=group, topic=topic, broker="a", wish=wish)[0]

    def ack(self, popped: Popped) -> bool:
        return self.cluster.ack(self.now, group="g", topic="t", receipt=popped.receipt)

    def counts(self) -> tuple[int, int, int]:
        return self.cluster.group("g").on(self.cluster.topic("t"), "a").counts(self.now)


def ids(popped: list[Popped]) -> list[str]:
    """Return the messages' ids."""
    return sorted(one.message.draft.id for one in popped)


def test_each_message_is_given_out_once() -> None:
    """What is held is given to nobody else, and what is acknowledged never comes again."""
    shop = Shop()
    shop.send("1", "2", "3")
    first, rest = shop.take(2), shop.take()
    assert ids(first + rest) == ["1", "2", "3"]
    assert all(shop.ack(one) for one in first + rest)
    shop.now += 3600 * SECOND
    assert shop.take() == []
    assert shop.counts() == (0, 0, 0)


def test_a_message_comes_again_when_its_time_is_up() -> None:
    """At that very moment, with the next attempt, and the old handle is void then."""
    shop = Shop()
    shop.send("1")
    (first,) = shop.take()
    shop.now = 30 * SECOND - 1
    assert shop.take() == []
    shop.now += 1
    (second,) = shop.take()
    assert (first.attempt, second.attempt) == (1, 2)
    assert not shop.ack(first)
    assert shop.ack(second)


def test_a_replaced_handle_acknowledges_nothing() -> None:
    """The newest alone does, and nobody is told."""
    shop = Shop()
    shop.send("1")
    (popped,) = shop.take()
    new = shop.cluster.change(
        shop.now, group="g", topic="t", receipt=popped.receipt, invisible=SECOND
    )
    assert not shop.ack(popped)
    popped.receipt = new
    assert shop.ack(popped)
    assert shop.cluster.group("g").on(shop.cluster.topic("t"), "a").tally.total.void == 1


def test_a_change_by_a_replaced_handle_doubles_the_message() -> None:
    """As the real broker has it: two checkpoints of one message."""
    shop = Shop()
    shop.send("1")
    (popped,) = shop.take()
    for _ in range(2):
        shop.cluster.change(
            shop.now, group="g", topic="t", receipt=popped.receipt, invisible=SECOND
        )
    shop.now += SECOND
    assert ids(shop.take()) == ["1", "1"]


def test_a_message_dies_after_its_last_attempt() -> None:
    """It is in the dead-letter topic with all it had, and counts on from there."""
    shop = Shop(max_retries=2)
    shop.send("1", tag="x")
    for attempt in (1, 2, 3):
        (popped,) = shop.take()
        assert popped.attempt == attempt
        shop.now += 30 * SECOND
    assert shop.take() == []
    (dead,) = shop.take(topic="%DLQ%g", group="other")
    assert (dead.message.draft.tag, dead.message.draft.dead_of) == ("x", "t")
    assert dead.attempt == 5


def test_what_nobody_wants_is_passed_over() -> None:
    """It is no part of the backlog any more."""
    shop = Shop()
    shop.send("1", tag="a")
    shop.send("2", tag="b")
    assert ids(shop.take(wants=lambda draft: draft.tag == "b")) == ["2"]
    assert shop.counts() == (0, 0, 1)


def test_redeliveries_are_not_starved() -> None:
    """However much is new, each fifth receive begins with what comes again."""
    shop = Shop()
    shop.send("old")
    shop.take()
    shop.now += 30 * SECOND
    shop.send(*(f"new{number}" for number in range(20)))
    taken = [ids(shop.take(1)) for _ in range(5)]
    assert ["old"] in taken


@pytest.mark.parametrize(
    "handle", ["", "garbage", "0 1 2 3", "a b c d e f g h i", "1 2 3 4 5 a b c"]
)
def test_garbage_is_no_handle(handle: str) -> None:
    """It is refused as an internal error, which is what a real proxy makes of it."""
    with pytest.raises(ServiceError) as caught:
        read(handle)
    assert caught.value.code == 50001


def test_a_group_lies_where_a_real_proxy_puts_it() -> None:
    """Seen on RocketMQ 5.4.0 with four queues."""
    seen = [1, 0, 0, 3, 1, 1, 2, 2, 0, 3, 0, 3]
    assert [bucket(f"grp{number}", 4) for number in range(12)] == seen
