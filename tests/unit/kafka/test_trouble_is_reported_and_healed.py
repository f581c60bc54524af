"""Trouble while running: said, survived, and taken back, without a new session."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, TopicPartition
from tests.unit.kafka.driving import Bench, Driver, track_of, until

from eventing_alibaba.contract.errors import Disconnected, Unavailable
from eventing_alibaba.sources.kafka import settings, trouble
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator


@pytest.fixture(autouse=True)
def _ask_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "_ASK_EVERY", 0.2)


async def test_brokers_that_go_and_come_back(
    emulator: KafkaEmulator, kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names the address; receipts survive; later records come."""
    monkeypatch.setitem(settings.FIXED, "session.timeout.ms", 10_000)
    topic = kafka.topic()
    kafka.pen.write(topic, b"1")
    async with kafka.driver(topic) as d:
        (first,) = await d.take(1)
        emulator.broker_down()
        await until(lambda: d.flow.reports)
        assert isinstance(d.flow.reports[0], Disconnected)
        assert kafka.bootstrap in str(d.flow.reports[0])
        emulator.broker_up()
        await until(lambda: d.flow.reports[-1] is None)
        kafka.pen.write(topic, b"2")
        (second,) = await d.take(1)
        assert (second.body, second.track) == (b"2", first.track)
        await d.source.ack([first, second])
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])
        assert d.flow.drained == []


async def test_a_refused_heartbeat_is_no_trouble(emulator: KafkaEmulator, kafka: Bench) -> None:
    """Coordinators move; nobody needs to hear of it."""
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        emulator.errors("Heartbeat", ["NOT_COORDINATOR"] * 2)
        kafka.pen.write(topic, b"x")
        await d.take(1)
        assert d.flow.reports == []


async def test_a_topic_that_is_deleted_and_made_anew(emulator: KafkaEmulator, kafka: Bench) -> None:
    """Missing: reported. Made anew: read from its beginning, though the group starts at latest."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"old", b"old")
    async with kafka.driver(topic, initialOffset="latest") as d:
        kafka.pen.write(topic, b"before")
        await d.take(1, ack=True)
        await until(lambda: kafka.pen.offsets(topic, topic) == [3])
        emulator.delete_topic(topic)
        waiting = asyncio.create_task(d.take(1))
        await until(lambda: d.flow.reports)
        assert isinstance(d.flow.reports[-1], Unavailable)
        assert f"topic {topic} does not exist" in str(d.flow.reports[-1])
        emulator.create_topic(topic, 1)
        kafka.pen.write(topic, b"new")
        (message,) = await waiting
        assert (message.body, message.receipt) == (b"new", 0)
        await d.source.ack([message])
        await until(lambda: kafka.pen.offsets(topic, topic) == [1])
        await until(lambda: not _current(d, "does not exist"))


def _current(driver: Driver, words: str) -> bool:
    return words in str(driver.flow.reports[-1])


async def test_a_refused_fetch_is_reported_until_records_come(
    kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Describe without Read: the topic is there, so asking for it would look like healing."""
    monkeypatch.setattr(trouble, "_ASK_EVERY", 0.0)
    topic = kafka.topic()
    async with kafka.driver(topic) as d:
        error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
        record = Mock(**{"topic.return_value": topic, "partition.return_value": 0})
        d.session._inbox.put(
            lambda: d.session._assignment.on_error(d.session._consumer, record, error)
        )
        await until(lambda: d.flow.reports)
        assert f"may not read topic {topic}" in str(d.flow.reports[0])
        asked = Mock(wraps=d.session._topics.look)
        tended = Mock(wraps=d.session._trouble.tend)
        monkeypatch.setattr(d.session._topics, "look", asked)
        monkeypatch.setattr(d.session._trouble, "tend", tended)
        await until(lambda: tended.call_count >= 3)
        assert asked.call_count == 0
        assert d.flow.reports[-1] is not None
        kafka.pen.write(topic, b"x")
        await d.take(1)
        await until(lambda: d.flow.reports[-1] is None)


async def test_what_was_fetched_ahead_is_not_taken_for_handed_out(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """A pause drops it; a broker that then calls the next offset out of range costs no record."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" * 10 for _ in range(1_000)))
    async with kafka.driver(topic) as d:
        taken = await d.take(10, limit=10)
        emulator.errors("Fetch", ["OFFSET_OUT_OF_RANGE"])
        # Nobody asks for records, so the partition is paused; then it is read on.
        await until(lambda: d.session._intake.paused)
        taken += await d.take(990)
        assert [message.receipt for message in taken] == list(range(1_000))
        await d.source.ack(taken)
        await until(lambda: kafka.pen.offsets(topic, topic) == [1_000])
        assert d.counted == {}


@pytest.mark.parametrize("low", [0, 7])
async def test_a_log_that_was_cut_somewhere_is_another_log(
    emulator: KafkaEmulator, kafka: Bench, low: int
) -> None:
    """The client does not say where: all that is there comes again, and old marks mean nothing."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(10)))
    async with kafka.driver(topic) as d:
        (first, *_) = await d.take(10, ack=True)
        await until(lambda: kafka.pen.offsets(topic, topic) == [10])
        if low:
            emulator.delete_records(topic, 0, low)
        cut = KafkaError(KafkaError._AUTO_OFFSET_RESET)
        record = Mock(
            **{
                "topic.return_value": topic,
                "partition.return_value": 0,
                "offset.return_value": None,
            }
        )
        d.session._inbox.put(
            lambda: d.session._assignment.on_error(d.session._consumer, record, cut)
        )
        again = await d.take(10 - low)
        assert [message.receipt for message in again] == list(range(low, 10))
        assert track_of(again[0]) is not track_of(first)
        assert d.counted == {}
        await until(lambda: d.flow.reports)
        assert "it is another log now" in str(d.flow.reports[-1])
        await d.source.ack(again)
        await until(lambda: kafka.pen.offsets(topic, topic) == [10])


async def test_records_that_retention_ate_are_counted(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """A consumer behind the log's start goes on there, and says how many records are gone."""
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(10)))
    driver = kafka.driver(topic)
    async with driver as d:
        await d.source.ack((await d.take(10))[:2])
    emulator.delete_records(topic, 0, 7)
    async with driver as d:
        taken = await d.take(3)
        assert [m.receipt for m in taken] == [7, 8, 9]
        # Committed before anything is settled, or a restart would count the same records again.
        await until(lambda: kafka.pen.offsets(topic, topic) == [7])
        await d.source.ack(taken)
        await until(lambda: d.counted == {"retention_lost_records": 5})
        await until(lambda: d.flow.reports)
        report = d.flow.reports[-1]
        assert isinstance(report, Unavailable)
        assert report.reason == "RetentionLostRecords"
        assert "5 records" in str(report)
        assert f"{topic}[0]" in str(report)
    assert kafka.pen.offsets(topic, topic) == [10]


async def test_a_report_of_what_is_over_is_taken_back(
    emulator: KafkaEmulator, kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost records are an event, not a state: readiness comes back by itself."""
    monkeypatch.setattr(trouble, "_SHOWN", 0.3)
    topic = kafka.topic()
    kafka.pen.write(topic, *(b"x" for _ in range(4)))
    driver = kafka.driver(topic)
    async with driver as d:
        await d.source.ack((await d.take(4))[:1])
    emulator.delete_records(topic, 0, 3)
    async with driver as d:
        await d.take(1)
        await until(lambda: d.flow.reports and d.flow.reports[-1] is None)


async def test_offsets_beyond_the_end_begin_anew(kafka: Bench) -> None:
    """Offsets of an older topic of that name: from the beginning, and the old mark is replaced."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    kafka.pen.commit(topic, TopicPartition(topic, 0, 500, "partitions=1"))
    async with kafka.driver(topic) as d:
        taken = await d.take(2)
        assert [m.receipt for m in taken] == [0, 1]
        assert track_of(taken[0]).acked == 0
        await until(lambda: kafka.pen.offsets(topic, topic) == [0])
        await d.source.ack(taken)
        await until(lambda: kafka.pen.offsets(topic, topic) == [2])
        assert any("another log now" in str(report) for report in d.flow.reports)
        assert d.counted == {}
        ((tracks, lost),) = d.flow.drained
        assert lost
        assert d.flow.forgotten == list(tracks)


async def test_an_end_in_order_does_not_wait_for_dead_brokers(
    emulator: KafkaEmulator, kafka: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`close` returns although acknowledgements cannot be committed, and leaves no member behind.

    librdkafka goes on trying in the background, so the record may come again, or not.
    """
    monkeypatch.setattr("eventing_alibaba.sources.kafka.session._FLUSH", 0.3)
    topic = kafka.topic()
    kafka.pen.write(topic, b"1")
    driver = kafka.driver(topic)
    async with driver as d:
        taken = await d.take(1)
        emulator.broker_down()
        await d.source.ack(taken)
        async with asyncio.timeout(5):
            await d.source.close()
    emulator.broker_up()
    kafka.pen.write(topic, b"2")
    async with driver as d:
        assert (await d.take(1))[0].receipt in {0, 1}


async def test_a_session_that_failed_opens_again(kafka: Bench) -> None:
    """After Disconnected the same source opens anew; what was held of the old one is void."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"1", b"2")
    driver = kafka.driver(topic)
    async with driver as d:
        taken = await d.take(2)
        await d.source.ack(taken[:1])
        d.session._inbox.put(_fail)
        with pytest.raises(Disconnected, match="defect"):
            await d.take(1)
        with pytest.raises(Disconnected, match="defect"):
            await d.take(1)
        ((tracks, lost),) = d.flow.drained
        assert (list(tracks), lost) == ([taken[0].track], False)
        await d.source.open(d.flow)
        (again,) = await d.take(1)
        assert again.receipt == 1
        assert again.track is not taken[0].track


def _fail() -> None:
    raise ZeroDivisionError


async def test_a_closed_source_says_so(kafka: Bench) -> None:
    """`receive` after `close` does not hang, and `close` may be called again."""
    async with kafka.driver(kafka.topic()) as d:
        await d.source.close()
        await d.source.close()
        with pytest.raises(Disconnected):
            await d.take(1)
