"""Committed offsets are moved by hand, and the adapter's own rules still hold after it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from tests.unit.kafka.driving import Bench, Driver, MemorySecrets

from eventing_alibaba.cli.main import main
from eventing_alibaba.contract.errors import Disconnected, Unavailable
from eventing_alibaba.contract.seek import Move, Place, Unseekable, Wish
from eventing_alibaba.contract.spec import Context
from eventing_alibaba.sources.kafka import seek

CONTEXT = Context("AliKafkaSource", "default", "orders", MemorySecrets())


async def moved(driver: Driver, to: str, **wish: Any) -> list[Move]:
    """Seek, as the command does."""
    wanted = Wish(Place.parse(to), **wish)
    return list(await asyncio.to_thread(driver.spec.seek, CONTEXT, wanted))


async def test_a_group_is_moved_and_goes_on_there(kafka: Bench) -> None:
    """Back to the earliest record, with the place it had; the note of its commits is kept."""
    topic = kafka.topic()
    kafka.pen.write(topic, "0", "1", "2")
    kafka.pen.commit(topic, TopicPartition(topic, 0, 3, "partitions=1"))
    driver = kafka.driver(topic)
    assert await moved(driver, "earliest") == [Move(topic, 0, 3, 0)]
    [stored] = kafka.pen.committed(topic, topic)
    assert (stored.offset, stored.metadata) == (0, "partitions=1")
    async with driver as d:
        assert [m.body for m in await d.take(3)] == [b"0", b"1", b"2"]


async def test_latest_is_the_next_record(kafka: Bench) -> None:
    """Everything before is passed over, in all partitions."""
    topic = kafka.topic(2)
    kafka.pen.write(topic, "0", "1", partition=0)
    kafka.pen.write(topic, "0", partition=1)
    driver = kafka.driver(topic)
    assert await moved(driver, "latest") == [Move(topic, 0, None, 2), Move(topic, 1, None, 1)]
    assert kafka.pen.offsets(topic, topic, 2) == [2, 1]


async def test_a_dry_run_moves_nothing(kafka: Bench) -> None:
    """It says the same."""
    topic = kafka.topic()
    kafka.pen.write(topic, "0", "1")
    kafka.pen.commit(topic, TopicPartition(topic, 0, 1))
    driver = kafka.driver(topic)
    assert await moved(driver, "latest", dry_run=True) == [Move(topic, 0, 1, 2)]
    assert kafka.pen.offsets(topic, topic) == [1]


async def test_an_offset_moves_one_partition(kafka: Bench) -> None:
    """The others keep theirs; both ends of the log are in range."""
    topic = kafka.topic(2)
    kafka.pen.write(topic, "0", "1", "2", partition=1)
    kafka.pen.commit(topic, TopicPartition(topic, 0, 0), TopicPartition(topic, 1, 3))
    driver = kafka.driver(topic)
    for place, before in (("1", 3), ("0", 1), ("3", 0)):
        assert await moved(driver, place, partition=1) == [Move(topic, 1, before, int(place))]
    assert kafka.pen.offsets(topic, topic, 2) == [0, 3]


async def test_what_was_not_named_of_a_new_group_starts_where_it_would_have(kafka: Bench) -> None:
    """A seek before the first start is no reason to read the other partitions from anywhere else.

    Their start is `latest`; without the note they would count as added later, and be read from
    their beginning.
    """
    topic = kafka.topic(2)
    for partition in (0, 1):
        kafka.pen.write(topic, "old", partition=partition)
    driver = kafka.driver(topic, initialOffset="latest")
    await moved(driver, "earliest", partition=1)
    async with driver as d:
        [message] = await d.take(1)
        assert message.id == "partition:1/offset:0"
        await d.nothing_more()


async def test_one_of_several_topics_is_moved(kafka: Bench) -> None:
    """`topic` names it; without it all are."""
    first, second = kafka.topic(), kafka.topic()
    for topic in (first, second):
        kafka.pen.write(topic, "0")
    driver = kafka.driver([first, second])
    assert await moved(driver, "latest", topic=second) == [Move(second, 0, None, 1)]
    assert await moved(driver, "earliest") == [Move(first, 0, None, 0), Move(second, 0, 1, 0)]


async def test_what_cannot_be_is_a_sentence(kafka: Bench) -> None:
    """It says what can; nothing is moved."""
    one, two = kafka.topic(), kafka.topic(2)
    kafka.pen.write(one, "0", "1")
    driver = kafka.driver([one, two])
    for to, wish, sentence in (
        ("earliest", {"topic": "x"}, f"topic x is not in spec.topics; there is {one}, {two}"),
        ("1", {}, f"an offset needs its topic: say with --topic which of {one}, {two}"),
        ("latest", {"partition": 0}, f"a partition needs its topic: .* which of {one}, {two}"),
        ("0", {"topic": two}, f"topic {two} has 2; say with --partition which of 0 to 1"),
        ("0", {"topic": two, "partition": 2}, f"topic {two} has no partition 2; its last one is 1"),
        (
            "3",
            {"topic": one},
            f"offset 3 is not in partition 0 of topic {one}: it must be from 0 .* to 2 ",
        ),
    ):
        with pytest.raises(Unseekable, match=sentence):
            await moved(driver, to, **wish)
    assert kafka.pen.offsets(one, one) == [-1001]


async def test_a_missing_topic_is_told_as_the_adapter_tells_it(kafka: Bench) -> None:
    """With what to do."""
    with pytest.raises(Unavailable, match=r"topic nowhere does not exist on .*; create it"):
        await moved(kafka.driver("nowhere"), "earliest")


async def test_a_group_with_members_is_refused(kafka: Bench) -> None:
    """A running adapter would commit over it."""
    topic = kafka.topic()
    kafka.pen.write(topic, "0", "1")
    async with kafka.driver(topic) as d:
        await d.take(2, ack=True)
        with pytest.raises(Unavailable, match=f"stop the adapters first: group {topic} has"):
            await moved(kafka.driver(topic), "earliest")
    assert kafka.pen.offsets(topic, topic) == [2]


async def test_brokers_out_of_reach_are_a_sentence(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is named, as everywhere."""
    monkeypatch.setattr(seek, "_PATIENCE", 1.0)
    driver = Driver(f"127.0.0.1:{unused_tcp_port}", "orders", group="g")
    with pytest.raises(Disconnected, match=f"127.0.0.1:{unused_tcp_port} cannot be reached"):
        await moved(driver, "earliest")


async def test_the_command_prints_what_it_did(
    kafka: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, and for a dry run that it was one; a wish that cannot be is wrong usage."""
    topic = kafka.topic()
    kafka.pen.write(topic, *map(str, range(12)))
    source = tmp_path / "source.json"
    source.write_text(
        json.dumps(
            {
                "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
                "kind": "AliKafkaSource",
                "metadata": {"name": "orders"},
                "spec": {"bootstrapServers": kafka.bootstrap.split(","), "topics": [topic]},
            }
        )
    )

    async def run(*flags: str) -> int:
        return await asyncio.to_thread(main, ["seek", "-f", str(source), *flags])

    assert await run("--to", "11", "--dry-run") == 0
    head, row, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["TOPIC", "PARTITION", "FROM", "TO"]
    assert row.split() == [topic, "0", "-", "11"]
    assert last == "nothing was moved: this was a dry run"
    group = "eventing-alibaba.default.orders"
    assert kafka.pen.offsets(group, topic) == [-1001]
    assert await run("--to", "11") == 0
    assert kafka.pen.offsets(group, topic) == [11]
    assert await run("--to", "13") == 2
    assert "eventing-alibaba: offset 13 is not in partition 0" in capsys.readouterr().err
