"""librdkafka's complaints: in our log once in a while, and in the reports while they last."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from tests.unit.kafka.test_secrets_stay_secret import Clock

from eventing_alibaba.contract.errors import SourceError, Unauthorized, Unavailable
from eventing_alibaba.sources.kafka.bridge import Bridge
from eventing_alibaba.sources.kafka.commits import Commits
from eventing_alibaba.sources.kafka.errors import Names
from eventing_alibaba.sources.kafka.identity import TopicIds
from eventing_alibaba.sources.kafka.tracks import Track
from eventing_alibaba.sources.kafka.trouble import Trouble
from eventing_alibaba.sources.kafka.voice import Voice

NAMES = Names(servers="a:9092", group="shop")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = (
    "[thrd:a]: a:9092/1: Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in"
    " state CONNECT)"
)


def say(voice: Voice, text: str, *, level: int = logging.ERROR, facility: str = "FAIL") -> None:
    voice.log(level, "%s [%s] %s", facility, "client-1", text)


def test_repeated_complaints_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """One line in half a minute, with the number of those left out."""
    clock = Clock()
    voice = Voice(clock)
    for _ in range(50):
        say(voice, REFUSED)
    clock.now += 31.0
    say(voice, REFUSED)
    first, second = caplog.messages
    assert first.startswith("librdkafka FAIL: a:9092/1: Connect to")
    assert second.endswith("(49 more)")


def test_kinds_of_complaints_do_not_silence_each_other(caplog: pytest.LogCaptureFixture) -> None:
    """A facility each."""
    voice = Voice(Clock())
    say(voice, REFUSED)
    say(voice, "[thrd:main]: session timed out", facility="SESSTMOUT")
    assert len(caplog.messages) == 2


def test_closed_idle_connections_are_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Brokers close them every ten minutes; for a report they are kept all the same."""
    caplog.set_level(logging.INFO)
    voice = Voice(Clock())
    say(voice, "[thrd:a]: a:9092/1: Disconnected (after 600000ms in state UP)", level=logging.INFO)
    assert caplog.messages == []
    assert voice.failure.startswith("a:9092/1: Disconnected")


def trouble_of(
    clock: Clock, look: Any = None
) -> tuple[Trouble, list[SourceError | None], Voice, Mock]:
    told: list[SourceError | None] = []
    voice, topics = Voice(clock), Mock()
    topics.look.side_effect = look
    return Trouble(NAMES, voice, topics, told.append, clock), told, voice, topics


def test_nothing_is_asked_while_all_is_well() -> None:
    """A source without trouble costs the brokers nothing."""
    trouble, told, _, topics = trouble_of(Clock())
    trouble.tend(Mock())
    assert told == []
    topics.look.assert_not_called()


def test_brokers_that_are_only_said_to_be_down_are_no_report() -> None:
    """That is said when the last idle connection closes; the brokers are asked first."""
    trouble, told, _, topics = trouble_of(Clock(), look=[None])
    trouble.on_error(DOWN)
    trouble.tend(Mock())
    assert told == []
    assert not trouble.down
    assert topics.look.call_count == 1


def test_brokers_that_do_not_answer_are_reported_once_and_taken_back() -> None:
    """With the most telling words there are; asked every two seconds."""
    clock = Clock()
    away = KafkaException(KafkaError(KafkaError._TRANSPORT))
    trouble, told, voice, topics = trouble_of(clock, look=[away, away, None])
    say(voice, REFUSED)
    trouble.on_error(DOWN)
    for _ in range(30):
        trouble.tend(Mock())
        clock.now += 0.2
    assert [type(report).__name__ for report in told] == ["Disconnected", "NoneType"]
    assert "a:9092 cannot be reached" in str(told[0])
    assert topics.look.call_count == 3


def test_a_refused_login_is_not_hidden_by_a_closed_connection() -> None:
    """What comes after it is the same trouble, told worse."""
    away = KafkaException(KafkaError(KafkaError._TRANSPORT))
    trouble, told, _, _ = trouble_of(Clock(), look=[away])
    trouble.on_error(KafkaError(KafkaError._AUTHENTICATION, "a:9092/1: Authentication failed"))
    trouble.on_error(KafkaError(KafkaError._TRANSPORT, "a:9092/1: Disconnected"))
    trouble.on_error(DOWN)
    trouble.tend(Mock())
    assert isinstance(told[0], Unauthorized)
    assert trouble.refused


def test_the_first_trouble_is_told_until_it_is_over() -> None:
    """Of several things that are wrong each is told in its turn."""
    clock = Clock()
    trouble, told, _, _ = trouble_of(clock)
    first, second = Unavailable("first"), Unavailable("second")
    trouble.set("commits", first)
    trouble.set("event", second, seconds=60)
    assert told == [first]
    trouble.clear("commits")
    assert told == [first, second]
    clock.now += 61
    trouble.tend(Mock())
    assert told == [first, second, None]


def commits_of(clock: Clock, *tracks: Track) -> tuple[Commits, Mock, Trouble]:
    trouble, _, _, _ = trouble_of(clock)
    return Commits(lambda: tracks, NAMES, trouble, clock), Mock(), trouble


def test_an_answer_that_never_comes_does_not_stop_commits() -> None:
    """After a minute the next commit is made all the same."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="")
    commits, consumer, _ = commits_of(clock, track)
    track.acked = 5
    commits.tend(consumer, idle=True)
    track.acked = 6
    clock.now += 59
    commits.tend(consumer, idle=True)
    assert consumer.commit.call_count == 1
    clock.now += 2
    commits.tend(consumer, idle=True)
    assert consumer.commit.call_count == 2


def test_commits_wait_for_time_or_number() -> None:
    """0.2 s, or 1,000 records, whichever is first; at once when there is nothing else to do."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="note")
    commits, consumer, _ = commits_of(clock, track)

    def committed(*, idle: bool) -> bool:
        before = consumer.commit.call_count
        commits.tend(consumer, idle=idle)
        done: bool = consumer.commit.call_count > before
        if done:
            (offset,) = consumer.commit.call_args.kwargs["offsets"]
            assert (offset.offset, offset.metadata) == (track.mark(), "note")
            commits.on_commit(None, [offset])
            assert track.stored == track.mark()
        return done

    assert not committed(idle=True)
    track.acked = 1
    assert committed(idle=False)
    track.acked = 2
    assert not committed(idle=False)
    clock.now += 0.2
    assert committed(idle=False)
    track.acked += 999
    assert not committed(idle=False)
    track.acked += 1
    assert committed(idle=False)
    track.acked += 1
    assert committed(idle=True)


def test_failing_commits_are_reported_when_they_last() -> None:
    """A coordinator that moves is no report; one that is away for ten seconds is."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="")
    commits, consumer, trouble = commits_of(clock, track)
    track.acked = 1
    for _ in range(4):
        commits.tend(consumer, idle=True)
        commits.on_commit(KafkaError(KafkaError.NOT_COORDINATOR), [])
        clock.now += 3
    assert not trouble._kinds
    commits.tend(consumer, idle=True)
    commits.on_commit(KafkaError(KafkaError.NOT_COORDINATOR), [])
    assert "commits" in trouble._kinds
    assert track.stored == 0


def test_a_commit_that_librdkafka_does_not_take_is_repeated() -> None:
    """`commit` itself may fail, when the assignment was lost in this moment."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="")
    commits, consumer, _ = commits_of(clock, track)
    consumer.commit.side_effect = KafkaException(KafkaError(KafkaError._ASSIGNMENT_LOST))
    track.acked = 1
    commits.tend(consumer, idle=True)
    consumer.commit.side_effect = None
    commits.tend(consumer, idle=True)
    assert consumer.commit.call_count == 2


def test_the_last_commit_of_a_partition_insists() -> None:
    """A coordinator that is told of a rebalance just now is asked again, for a second."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="")
    commits, consumer, _ = commits_of(clock, track)
    track.acked = 3
    busy = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
    consumer.commit.side_effect = [busy, busy, [TopicPartition("t", 0, 3)]]
    assert commits.now(consumer, [track])
    assert (consumer.commit.call_count, track.stored) == (3, 3)


def test_the_last_commit_of_a_partition_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    """Who is no member any more commits nothing, and says so."""
    clock = Clock()
    track = Track("t", 0, epoch=1, start=0, metadata="")
    commits, consumer, _ = commits_of(clock, track)
    track.acked = 3
    consumer.commit.side_effect = KafkaException(KafkaError(KafkaError.UNKNOWN_MEMBER_ID))
    assert not commits.now(consumer, [track])
    assert (consumer.commit.call_count, track.stored) == (1, 0)
    assert "some records come again" in caplog.text


async def test_a_loop_that_is_gone_is_no_error() -> None:
    """A process that ends badly leaves nobody to be told."""
    loop = asyncio.new_event_loop()
    loop.close()
    bridge = Bridge(loop, Mock())
    track = Track("t", 0, epoch=1, start=3, metadata="")

    def use() -> None:
        bridge.report(None)
        bridge.drain([track], lost=False)
        bridge.forget([track])

    thread = threading.Thread(target=use)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert track.acked == 3


def test_topic_ids_without_an_admin_client_are_not_known() -> None:
    """Before `learn`, and on brokers without a controller, nothing is asked and nothing new."""
    ids = TopicIds({"bootstrap.servers": "a:1"}, ["t"])
    assert ids.tend() == ([], [])
    ids.login("user", "password")
    assert ids.ids == {}
