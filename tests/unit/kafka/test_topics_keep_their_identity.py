"""A topic that was deleted and made anew is noticed by its id."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException
from tests.unit.kafka.driving import Bench, until
from tests.unit.kafka.test_secrets_stay_secret import Clock

from eventing_alibaba.sources.kafka import identity
from eventing_alibaba.sources.kafka.identity import EVERY, TopicIds

NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"


class FakeAdmin:
    """An admin client whose answers a test gives: an id, an error, or nothing yet."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        self.answer: str | Exception | None = "first"
        self.asked = 0
        self.login: tuple[str, str] | None = None

    def describe_topics(self, topics: Any, *, request_timeout: float) -> dict[str, Future[Any]]:
        self.asked += 1
        future: Future[Any] = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer is not None:
            future.set_result(SimpleNamespace(topic_id=self.answer))
        return {"t": future}

    def set_sasl_credentials(self, user: str, password: str) -> None:
        self.login = (user, password)


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> list[FakeAdmin]:
    """The admin clients that were made."""
    made: list[FakeAdmin] = []

    def make(settings: Mapping[str, Any]) -> FakeAdmin:
        made.append(FakeAdmin(settings))
        return made[-1]

    monkeypatch.setattr(identity, "AdminClient", make)
    return made


def watched(admin: list[FakeAdmin]) -> tuple[TopicIds, FakeAdmin, Clock]:
    clock = Clock()
    ids = TopicIds({"bootstrap.servers": "a:1"}, ["t"], clock)
    ids.learn()
    return ids, admin[0], clock


def again(ids: TopicIds, clock: Clock) -> tuple[list[str], list[str]]:
    """Ask, and look at the answer."""
    clock.now += EVERY
    assert ids.tend() == ([], [])
    return ids.tend()


def test_another_id_is_another_topic(admin: list[FakeAdmin]) -> None:
    """Said once, when it changes."""
    ids, client, clock = watched(admin)
    assert ids.ids == {"t": "first"}
    assert again(ids, clock) == ([], [])
    client.answer = "second"
    assert again(ids, clock) == (["t"], [])
    assert ids.ids == {"t": "second"}
    assert again(ids, clock) == ([], [])


def test_a_missing_topic_is_told_and_may_come_back_as_another(admin: list[FakeAdmin]) -> None:
    """The id of the old one is kept until there is a new one."""
    ids, client, clock = watched(admin)
    client.answer = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    assert again(ids, clock) == ([], ["t"])
    client.answer = "second"
    assert again(ids, clock) == (["t"], [])


@pytest.mark.parametrize(
    "answer", [NO_ID, KafkaException(KafkaError(KafkaError._TIMED_OUT)), RuntimeError()]
)
def test_no_answer_changes_nothing(admin: list[FakeAdmin], answer: str | Exception) -> None:
    """Brokers before 2.8 have no ids; others may be away."""
    ids, client, clock = watched(admin)
    client.answer = answer
    assert again(ids, clock) == ([], [])
    assert ids.ids == {"t": "first"}


def test_an_answer_is_not_waited_for(admin: list[FakeAdmin]) -> None:
    """And nothing else is asked before it has come."""
    ids, client, clock = watched(admin)
    client.answer = None
    for _ in range(5):
        clock.now += EVERY
        assert ids.tend() == ([], [])
    assert client.asked == 2


def test_the_admin_client_logs_in_anew_too(admin: list[FakeAdmin]) -> None:
    """Its connection outlives a password."""
    ids, client, _ = watched(admin)
    ids.login("alice", "new")
    assert client.login == ("alice", "new")


async def test_a_renewed_topic_is_read_from_its_beginning(kafka: Bench) -> None:
    """Also what had been delivered and committed of the old one; the old marks are replaced."""
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, b"1", b"2", partition=partition)
    async with kafka.driver(topic) as d:
        old = await d.take(4, ack=True)
        await until(lambda: kafka.pen.offsets(topic, topic, 2) == [2, 2])
        answers: list[tuple[list[str], list[str]]] = [([topic], [])]
        tend = Mock(side_effect=lambda: answers.pop() if answers else ([], []))
        d.session._ids.tend = tend  # type: ignore[method-assign]
        d.session._ids.ids[topic] = "second"
        new = await d.take(4)
        assert sorted(str(m.receipt) for m in new) == [*"0011"]
        assert not {m.track for m in new} & {m.track for m in old}
        await until(lambda: kafka.pen.offsets(topic, topic, 2) == [0, 0])
        notes = {found.metadata for found in kafka.pen.committed(topic, topic, 2)}
        assert notes == {"partitions=2 topic=second"}
        assert all(lost for _, lost in d.flow.drained)
        await until(lambda: len(d.flow.forgotten) == 2)
