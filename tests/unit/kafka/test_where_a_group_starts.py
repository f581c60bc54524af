"""The start of a group, and of partitions that come later."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kafka.driving import Bench, refused, track_of

from eventing_alibaba.contract.errors import Disconnected, Unauthorized
from eventing_alibaba.sources.kafka.offsets import Committed, timestamp, wanted
from eventing_alibaba.testing.emulators.kafka import KafkaEmulator

LATEST, EARLIEST = -1, -2
NOTHING = Committed(None)


async def test_latest_is_committed_before_anything_is_delivered(kafka: Bench) -> None:
    """When `open` returns, the ends of all partitions are committed, also of empty ones."""
    topic = kafka.topic(3)
    kafka.pen.write(topic, b"old", b"old")
    kafka.pen.write(topic, b"old", partition=1)
    async with kafka.driver(topic, initialOffset="latest") as d:
        found = kafka.pen.committed(topic, topic, 3)
        assert [item.offset for item in found] == [2, 1, 0]
        assert {item.metadata for item in found} == {"partitions=3"}
        kafka.pen.write(topic, b"new")
        (message,) = await d.take(1)
        assert (message.body, message.receipt) == (b"new", 2)


async def test_latest_is_latest_only_once(kafka: Bench) -> None:
    """What is produced between the first session and the second, before any delivery, comes."""
    topic = kafka.topic(2)
    kafka.pen.write(topic, b"old")
    async with kafka.driver(topic, initialOffset="latest"):
        pass
    kafka.pen.write(topic, b"between")
    kafka.pen.write(topic, b"between", partition=1)
    async with kafka.driver(topic, initialOffset="latest") as d:
        assert [m.body for m in await d.take(2)] == [b"between", b"between"]


async def test_a_time_after_the_last_record_is_the_end(kafka: Bench) -> None:
    """Brokers answer "no record" to a time in the future; that is made the end, as a number."""
    topic = kafka.topic(2)
    kafka.pen.write(topic, b"old", b"old")
    async with kafka.driver(topic, initialOffset="2999-01-01T00:00:00Z"):
        assert kafka.pen.offsets(topic, topic, 2) == [2, 0]


async def test_a_later_partition_is_read_from_its_beginning(kafka: Bench) -> None:
    """With `latest` nothing of a partition is skipped that the group did not start with."""
    topic = kafka.topic(3)
    for partition in range(3):
        kafka.pen.write(topic, b"x", partition=partition)
    note = "partitions=2"
    kafka.pen.commit(
        topic,
        TopicPartition(topic, 0, 1, note),
    )
    async with kafka.driver(topic, initialOffset="latest") as d:
        # 1 was there at the start and only has not been assigned yet; 2 came later.
        found = kafka.pen.committed(topic, topic, 3)
        assert [item.offset for item in found] == [1, 1, 0]
        assert {item.metadata for item in found[1:]} == {note}
        (message,) = await d.take(1)
        assert message.id == "partition:2/offset:0"


async def test_a_topic_that_lost_its_offsets_is_read_from_its_beginning(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """Brokers drop the offsets of deleted topics; `latest` would skip what the new topic has."""
    topic = kafka.topic()
    driver = kafka.driver(topic, initialOffset="latest")
    async with driver:
        pass
    emulator.delete_topic(topic)
    emulator.create_topic(topic, 1)
    kafka.pen.write(topic, b"new")
    driver.spec = driver.spec.model_copy(update={"consumer_group": f"{topic}-without-offsets"})
    driver.source._spec = driver.spec
    async with driver as d:
        assert [m.body for m in await d.take(1)] == [b"new"]


async def test_nothing_starts_where_the_start_cannot_be_committed(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """A refused commit of the start fails `open` and leaves no member of the group behind."""
    topic = kafka.topic()
    driver = kafka.driver(topic)
    emulator.errors("OffsetCommit", ["TOPIC_AUTHORIZATION_FAILED"], times=5)
    error = await refused(driver)
    assert isinstance(error, Unauthorized)
    emulator.clear_errors()
    async with driver as d:
        kafka.pen.write(topic, b"x")
        await d.take(1)


async def test_a_rebalance_during_the_start_delays_being_ready(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """The start that was decided is committed until it is taken, and only then all is well."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"old")
    emulator.errors("OffsetCommit", ["REBALANCE_IN_PROGRESS"], times=3)
    async with kafka.driver(topic, initialOffset="latest"):
        assert kafka.pen.offsets(topic, topic) == [1]


async def test_nothing_is_handed_out_before_its_start_is_committed(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """A partition that comes with a rebalance, and whose start is refused, waits for the commit."""
    topic = kafka.topic()
    kafka.pen.write(topic, b"first")
    async with kafka.driver(topic) as d:
        (first,) = await d.take(1)
        track, session = track_of(first), d.session
        emulator.errors("OffsetCommit", ["REBALANCE_IN_PROGRESS"], times=50)

        def assign() -> None:
            track.stored = -1
            session._intake.assigned(session._consumer, [track])

        session._inbox.put(assign)
        kafka.pen.write(topic, b"second")
        await d.nothing_more()
        emulator.clear_errors()
        (second,) = await d.take(1)
        assert (second.body, track.safe) == (b"second", True)


async def test_brokers_that_do_not_tell_offsets_fail_the_start(
    emulator: KafkaEmulator, kafka: Bench
) -> None:
    """Without knowing what is committed nothing may be read."""
    topic = kafka.topic()
    emulator.errors("OffsetFetch", ["GROUP_AUTHORIZATION_FAILED"], times=20)
    assert isinstance(await refused(kafka.driver(topic)), Unauthorized | Disconnected)


def test_a_new_group_starts_as_the_user_says() -> None:
    """Without any offset `initialOffset` holds for all assigned partitions, and is noted."""
    committed = {0: NOTHING, 1: NOTHING, 2: NOTHING}
    asked = wanted([0, 2], committed, initial=LATEST, started=False)
    assert asked == ({0: LATEST, 2: LATEST}, "partitions=3")


def test_offsets_without_a_note_mean_that_nobody_knows() -> None:
    """Beside the offsets of a foreign tool a partition without one is read from its beginning."""
    committed = {0: Committed(5, "kept by another tool"), 1: NOTHING}
    assert wanted([0, 1], committed, initial=LATEST, started=False) == (
        {1: EARLIEST},
        "partitions=0",
    )


def test_the_least_note_counts() -> None:
    """Several partitions that are added at once do not vouch for each other."""
    committed = {
        0: Committed(5, "partitions=2"),
        1: Committed(5, "partitions=2"),
        2: Committed(0, "partitions=2"),
        3: NOTHING,
    }
    assert wanted([3], committed, initial=LATEST, started=True) == ({3: EARLIEST}, "partitions=2")


def test_offsets_of_another_topic_of_that_name_mean_nothing() -> None:
    """Notes with the id of a deleted topic are void: beginning, whatever the user said."""
    committed = {
        0: Committed(5, "partitions=2 topic=old"),
        1: Committed(7, "partitions=2 topic=old"),
    }
    assert wanted([0, 1], committed, initial=LATEST, started=False, identity="new") == (
        {0: EARLIEST, 1: EARLIEST},
        "partitions=2 topic=new",
    )
    assert wanted([0, 1], committed, initial=LATEST, started=False, identity="old") == (
        {},
        "partitions=2 topic=old",
    )


def test_some_offsets_of_another_topic_do_not_spoil_the_others() -> None:
    """Where members noticed one after the other, only the offsets of the old topic are void."""
    committed = {
        0: Committed(5, "partitions=2 topic=new"),
        1: Committed(7, "partitions=2 topic=old"),
    }
    asked, _ = wanted([1], committed, initial=LATEST, started=False, identity="new")
    assert asked == {1: EARLIEST}


@given(
    offsets=st.dictionaries(
        st.integers(0, 6),
        st.builds(
            Committed,
            st.none() | st.integers(0, 100),
            st.sampled_from(["", "partitions=2", "partitions=4", "?"]),
        ),
        min_size=1,
    ),
    data=st.data(),
)
def test_only_partitions_of_the_start_may_skip(
    offsets: dict[int, Committed], data: st.DataObject
) -> None:
    """A committed partition is not asked for; another one skips records only at a group's start."""
    assigned = data.draw(st.lists(st.sampled_from(sorted(offsets)), unique=True))
    asked, note = wanted(assigned, offsets, initial=LATEST, started=False)
    assert set(asked) == {p for p in assigned if offsets[p].offset is None}
    size = int(note.removeprefix("partitions="))
    fresh = all(found.offset is None for found in offsets.values())
    for partition, spec in asked.items():
        assert (spec == LATEST) == (fresh or partition < size)


@pytest.mark.parametrize(
    ("initial", "expected"),
    [("latest", LATEST), ("earliest", EARLIEST), ("1970-01-01T00:00:01.5Z", 1500)],
)
def test_initial_offsets_as_brokers_write_them(initial: str, expected: int) -> None:
    """Words are the protocol's special values, times are milliseconds."""
    assert timestamp(initial) == expected
