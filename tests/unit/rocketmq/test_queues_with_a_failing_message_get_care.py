"""Which queues are polled for one message at a time, and for how long."""

from __future__ import annotations

from eventing_alibaba.contract.message import Message
from eventing_alibaba.sources.rocketmq.care import Care

QUEUE = ("broker-a", 3)
USUAL = 32


def message(*, attempt: int, lease: float = 0.0) -> Message:
    return Message("id", b"", (), "topic", track=QUEUE, attempt=attempt, lease=lease)


def most(care: Care, now: float, *, broker: str = "broker-a", attempts: int = 17) -> int:
    return care.most(broker, now, attempts=attempts, usual=USUAL)


def test_a_queue_is_asked_for_one_message_from_when_its_messages_may_come_again() -> None:
    """Before that it is locked; a poll that would still be under way then counts as late."""
    care = Care()
    assert most(care, 0.0) == USUAL
    care.given_back([QUEUE], 60.0)
    assert most(care, 48.0) == USUAL
    assert most(care, 50.0) == 1
    assert most(care, 500.0) == 1


def test_another_broker_is_asked_as_ever() -> None:
    """Only the broker that has the queue can bring its messages."""
    care = Care()
    care.given_back([QUEUE], 0.0)
    assert most(care, 0.0, broker="broker-b") == USUAL


def test_while_the_failing_message_is_here_its_queue_is_locked_and_others_go_on() -> None:
    """Until its lease ends, and from the moment at which it is acknowledged."""
    care = Care()
    care.given_back([QUEUE], 0.0)
    again = message(attempt=2, lease=60.0)
    care.arrived([again])
    assert most(care, 10.0) == USUAL
    assert most(care, 59.0) == 1
    care.acknowledged([again])
    assert most(care, 10.0) == 1


def test_a_message_that_was_never_handed_out_ends_it() -> None:
    """Nothing is behind it that shares the attempts of the one that failed."""
    care = Care()
    care.given_back([QUEUE], 0.0)
    care.arrived([message(attempt=1)])
    care.acknowledged([message(attempt=1)])
    assert most(care, 0.0) == USUAL


def test_a_group_with_few_attempts_has_none_to_share() -> None:
    """One that may be delivered once or twice is always handed out alone."""
    care = Care()
    assert most(care, 0.0, attempts=1) == 1
    assert most(care, 0.0, attempts=2) == 1
    assert most(care, 0.0, attempts=3) == USUAL
    assert most(care, 0.0, attempts=0) == USUAL
