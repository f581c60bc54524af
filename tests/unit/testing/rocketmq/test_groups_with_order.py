"""A FIFO group: a queue is locked as a whole, acknowledgements after a gap are in vain."""

from __future__ import annotations

from eventing_alibaba.testing.emulators.rocketmq.core.cluster import Cluster
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Popped, Wish

SECOND = 1000


class Shop:
    """A cluster with the topic "t" of one queue, and the FIFO group "g" that receives from it."""

    def __init__(self, *, max_retries: int = 16) -> None:
        self.cluster = Cluster(["a"])
        self.cluster.create_topic("t", kind="FIFO", queues=1)
        self.cluster.create_group("g", fifo=True, max_retries=max_retries)
        self.now = 0

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.cluster.send(self.now, "t", Draft(id=body, body=body.encode(), group="x"))

    def take(self, limit: int = 32, *, attempt_id: str | None = None) -> list[Popped]:
        most = self.cluster.group("g").most_attempts
        wish = Wish(limit=limit, invisible=30 * SECOND, most_attempts=most, attempt_id=attempt_id)
        return self.cluster.receive(self.now, group="g", topic="t", broker="a", wish=wish)[0]

    def ack(self, *popped: Popped) -> None:
        for one in popped:
            self.cluster.ack(self.now, group="g", topic="t", receipt=one.receipt)

    def hide(self, popped: Popped, milliseconds: int) -> None:
        popped.receipt = self.cluster.change(
            self.now, group="g", topic="t", receipt=popped.receipt, invisible=milliseconds
        )


def ids(popped: list[Popped]) -> list[str]:
    """Return the messages' ids, in order."""
    return [one.message.draft.id for one in popped]


def attempts(popped: list[Popped]) -> list[int]:
    """Return the messages' attempts."""
    return [one.attempt for one in popped]


def test_a_queue_is_locked_until_all_is_done() -> None:
    """One message that is open keeps what follows from everybody."""
    shop = Shop()
    shop.send("1", "2", "3")
    first = shop.take(2)
    assert ids(first) == ["1", "2"]
    shop.ack(first[0])
    assert shop.take() == []
    shop.ack(first[1])
    assert ids(shop.take()) == ["3"]


def test_acknowledgements_after_a_gap_are_in_vain() -> None:
    """All comes again from the gap on, with what has come since, and the group is told nothing."""
    shop = Shop()
    shop.send("1", "2", "3", "4")
    first = shop.take()
    shop.ack(first[0], *first[2:])
    shop.send("5")
    shop.now += 30 * SECOND
    again = shop.take()
    assert ids(again) == ["2", "3", "4", "5"]
    assert attempts(again) == [2, 2, 2, 1]
    tally = shop.cluster.group("g").on(shop.cluster.topic("t"), "a").tally.total
    assert (tally.acked, tally.void, tally.expired) == (1, 2, 1)


def test_all_must_be_visible_again() -> None:
    """Shortening the time of one message does not unlock the queue, of all that are open does."""
    shop = Shop()
    shop.send("1", "2", "3")
    first = shop.take()
    shop.ack(first[0])
    shop.hide(first[1], 100)
    shop.now += 100
    assert shop.take() == []
    shop.hide(first[2], 100)
    shop.now += 100
    assert ids(shop.take()) == ["2", "3"]


def test_handles_of_an_older_pop_are_void() -> None:
    """The queue has been given out anew."""
    shop = Shop()
    shop.send("1")
    old = shop.take()
    shop.now += 30 * SECOND
    new = shop.take()
    progress = shop.cluster.group("g").on(shop.cluster.topic("t"), "a")
    shop.ack(*old)
    assert progress.counts(shop.now) == (0, 0, 1)
    shop.ack(*new)
    assert progress.counts(shop.now) == (0, 0, 0)


def test_the_same_attempt_gets_the_same_again() -> None:
    """A receive whose answer was lost is repeated with its id, and counts as no attempt."""
    shop = Shop()
    shop.send("1", "2")
    assert ids(shop.take(1, attempt_id="A")) == ["1"]
    again = shop.take(2, attempt_id="A")
    assert (ids(again), attempts(again)) == (["1", "2"], [1, 1])
    assert shop.take(attempt_id="B") == []
    shop.ack(*again)
    assert shop.take(attempt_id="A") == []


def test_a_message_that_dies_lets_the_queue_go_on() -> None:
    """After its last attempt it is a dead letter, and the next one begins anew."""
    shop = Shop(max_retries=1)
    shop.send("1", "2")
    seen = []
    for _ in range(6):
        taken = shop.take(1)
        seen += [(ids(taken), attempts(taken))]
        shop.now += 30 * SECOND
    assert seen == [
        (["1"], [1]),
        (["1"], [2]),
        ([], []),
        (["2"], [1]),
        (["2"], [2]),
        ([], []),
    ]
    assert len(shop.cluster.topic("%DLQ%g")) == 2
