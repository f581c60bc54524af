"""One client, the same questions, the emulator and a real RocketMQ 5: the same answers.

Where the two differed when these were written, the emulator was changed. Codes and effects are
compared, sentences are not. A real broker gives a message whose time is up out again some seconds
late, so whoever waits for one here asks again until it is there.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tests.real.rocketmq_clients.clusters import Cluster
from tests.unit.testing.rocketmq.speaking import Speaker, attempts, bodies, handle

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

OK = 20000


def codes(response: Any) -> list[int]:
    """Return the code of an answer, and of its entries."""
    return [response.status.code, *(entry.status.code for entry in response.entries)]


async def parts(speaker: Speaker, wish: pb.ReceiveMessageRequest, **how: Any) -> list[Any]:
    """Receive; return the codes and the kinds of the answer's parts."""
    answer = await speaker.ask_for(wish, **how)
    return [part.status.code or part.WhichOneof("content") for part in answer]


async def until(speaker: Speaker, topic: str, **how: Any) -> list[pb.Message]:
    """Receive until there is something."""
    for _ in range(6):
        if found := await speaker.receive(topic, poll=5, **how):
            return found
    raise AssertionError("nothing came")


async def said(line: Any) -> Any:
    """Return what a telemetry stream answers: a command, or the status it ends with."""
    try:
        return await asyncio.wait_for(line.read(), 10)
    except grpc.aio.AioRpcError as error:
        return error.code().name


async def test_handles_that_mean_nothing(cluster: Cluster) -> None:
    """A replaced handle acknowledges with OK and in vain; an expired one is refused, as garbage."""
    topic, group = await cluster.topic(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        await speaker.send(topic, "a")
        (first,) = await until(speaker, topic, invisible=10)
        changed = await speaker.change(topic, handle(first), 1)
        assert changed.status.code == OK
        assert changed.receipt_handle != handle(first)
        assert codes(await speaker.ack(topic, [first])) == [OK, OK]
        (again,) = await until(speaker, topic, invisible=30)
        assert attempts([again]) == [2]
        mixed = [changed.receipt_handle, "garbage", "0 1 2 3 4 5 6 7 x", handle(again)]
        answer = await speaker.ack(topic, mixed)
        assert codes(answer) == [30000, 40013, 50001, 50001, OK]
        assert codes(await speaker.ack(topic, ["garbage"])) == [50001, 50001]
        assert codes(await speaker.ack(topic, [])) == [50001]
        assert (await speaker.change(topic, changed.receipt_handle, 5)).status.code == 40013
        assert (await speaker.change(topic, "garbage", 5)).status.code == 50001
        assert codes(await speaker.ack(topic, [again])) == [OK, OK]


async def test_messages_die(cluster: Cluster) -> None:
    """After the last attempt a receive says that nothing matches, and the dead letter is there."""
    topic, group, other = await cluster.topic(), await cluster.group(retries=1), ""
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        await speaker.send(topic, "a", tag="x", properties={"p": "q"})
        for attempt in (1, 2):
            (message,) = await until(speaker, topic)
            assert attempts([message]) == [attempt]
            await speaker.change(topic, handle(message), 1)
        for _ in range(6):
            (answer, *_) = await speaker.ask_for(speaker.wish(topic))
            if answer.status.message == "no match message":
                break
        assert answer.status.code == 40401
    dead, other = f"%DLQ%{group}", await cluster.group()
    async with Speaker(cluster.endpoint, other) as speaker:
        await speaker.introduce(dead)
        (message,) = await until(speaker, dead)
        system = message.system_properties
        assert (message.body, system.tag, message.user_properties["p"]) == (b"a", "x", "q")
        assert (system.delivery_attempt, system.message_type) == (4, pb.MessageType.DELAY)
        assert not system.HasField("dead_letter_queue")


async def test_a_message_is_buried_on_wish(cluster: Cluster) -> None:
    """Each time that one asks for it."""
    topic, group, other = await cluster.topic(), await cluster.group(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        await speaker.send(topic, "a")
        (message,) = await until(speaker, topic)
        request = pb.ForwardMessageToDeadLetterQueueRequest(
            group=speaker.resource(group),
            topic=speaker.resource(topic),
            receipt_handle=handle(message),
            message_id=message.system_properties.message_id,
        )
        for _ in range(2):
            answer = await speaker.ask("ForwardMessageToDeadLetterQueue", request)
            assert answer.status.code == OK
        request.receipt_handle = "garbage"
        answer = await speaker.ask("ForwardMessageToDeadLetterQueue", request)
        assert answer.status.code == 50001
    async with Speaker(cluster.endpoint, other) as speaker:
        await speaker.introduce(f"%DLQ%{group}")
        found: list[pb.Message] = []
        while len(found) < 2:
            found += await until(speaker, f"%DLQ%{group}")
        assert bodies(found) == ["a", "a"]


async def test_order(cluster: Cluster) -> None:
    """Whole queues are locked; a gap voids what comes after it; one shortened unlocks nothing."""
    topic, group = await cluster.topic("FIFO"), await cluster.group(fifo=True)
    async with Speaker(cluster.endpoint, group) as speaker:
        settings = (await speaker.introduce(topic)).settings
        assert settings.subscription.fifo
        for number in range(6):
            await speaker.send(topic, str(number), message_group="m")
        first = await until(speaker, topic, invisible=10)
        assert bodies(first) == ["0", "1", "2", "3", "4", "5"]
        assert codes(await speaker.ack(topic, first[2:])) == [OK, *[OK] * 4]
        await speaker.send(topic, "6", message_group="m")
        second = await until(speaker, topic, invisible=30)
        assert bodies(second) == ["0", "1", "2", "3", "4", "5", "6"]
        assert attempts(second) == [2, 2, 2, 2, 2, 2, 1]
        assert codes(await speaker.ack(topic, first[:1])) == [40013, 40013]
        assert (await speaker.change(topic, handle(first[1]), 5)).status.code == 40013
        assert (await speaker.change(topic, handle(second[0]), 0.2)).status.code == OK
        await asyncio.sleep(0.3)
        assert await speaker.receive(topic, invisible=10) == []
        for message in second[1:]:
            assert (await speaker.change(topic, handle(message), 0.2)).status.code == OK
        third = await until(speaker, topic, invisible=30)
        assert bodies(third) == bodies(second)
        assert attempts(third) == [3, 3, 3, 3, 3, 3, 2]
        assert codes(await speaker.ack(topic, third))[0] == OK
        assert codes(await speaker.ack(topic, third))[0] == OK
        assert await speaker.receive(topic) == []


async def test_order_dies_one_by_one(cluster: Cluster) -> None:
    """A message that was delivered too often is buried, and the next one has its turn."""
    topic, group = await cluster.topic("FIFO"), await cluster.group(fifo=True, retries=1)
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        for number in range(2):
            await speaker.send(topic, str(number), message_group="m")
        seen: list[Any] = []
        while len(seen) < 5:
            answer = await speaker.ask_for(speaker.wish(topic, 1))
            found = [part.message for part in answer if part.HasField("message")]
            for message in found:
                await speaker.change(topic, handle(message), 0.2)
                await asyncio.sleep(0.3)
            if found or answer[0].status.message == "no match message":
                seen.append((bodies(found), attempts(found)))
        dies: tuple[list[str], list[int]] = ([], [])
        assert seen == [(["0"], [1]), (["0"], [2]), dies, (["1"], [1]), (["1"], [2])]


async def test_an_attempt_is_repeated_by_its_id(cluster: Cluster) -> None:
    """The same id gets the same messages again, another one gets nothing."""
    topic, group = await cluster.topic("FIFO"), await cluster.group(fifo=True)
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        for number in range(3):
            await speaker.send(topic, str(number), message_group="m")
        assert bodies(await until(speaker, topic, limit=1, attempt="A")) == ["0"]
        again = await speaker.receive(topic, 2, attempt="A")
        assert (bodies(again), attempts(again)) == (["0", "1"], [1, 1])
        assert await speaker.receive(topic, 2, attempt="B") == []
        assert codes(await speaker.ack(topic, again))[0] == OK
        assert bodies(await speaker.receive(topic, attempt="A")) == ["2"]


async def test_groups_share_queues(cluster: Cluster) -> None:
    """A message group lies in the queue where a real proxy puts it."""
    topic, group = await cluster.topic("FIFO", queues=4), await cluster.group(fifo=True)
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        for number in range(12):
            await speaker.send(topic, str(number), message_group=f"grp{number}")
        queues: dict[int, int] = {}
        while len(queues) < 12:
            found = await until(speaker, topic)
            queues |= {int(m.body): m.system_properties.queue_id for m in found}
            await speaker.ack(topic, found)
        assert [queues[n] for n in range(12)] == [1, 0, 0, 3, 1, 1, 2, 2, 0, 3, 0, 3]


async def test_receives_are_refused(cluster: Cluster) -> None:
    """Each for its reason; a refusal is a status and a time, but without a client id alone."""
    topic, group = await cluster.topic(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        stranger = [50001, "delivery_timestamp"]
        assert await parts(speaker, speaker.wish(topic)) == stranger
        await speaker.introduce(topic)
        wanted: dict[int, list[dict[str, Any]]] = {
            40011: [{"invisible": 9}, {"invisible": 13 * 3600}],
            40010: [{"sql": ""}, {"tags": "||"}],
            40401: [{"limit": 0}],  # even where there is a message
            50001: [{"sql": "a >"}, {"sql": "a > 'x'"}, {"limit": -1}],
        }
        await speaker.send(topic)
        for code, wishes in wanted.items():
            for wish in wishes:
                answer = await parts(speaker, speaker.wish(topic, **wish))
                assert answer == [code, "delivery_timestamp"], wish
        assert (await parts(speaker, speaker.wish(topic), timeout=4))[0] == 40018
        assert (await parts(speaker, speaker.wish(topic), timeout=None))[0] == 50001
        assert (await parts(speaker, speaker.wish("a b")))[0] == 40002
        assert (await parts(speaker, speaker.wish("nope")))[0] == 40402
        speaker.group = "a b"
        assert (await parts(speaker, speaker.wish(topic)))[0] == 40003
        speaker.group = "nobody"
        assert (await parts(speaker, speaker.wish(topic)))[0] == 40403
        assert await parts(speaker, speaker.wish(topic), timeout=30) != []
    async with Speaker(cluster.endpoint, group, metadata={"x-mq-client-id": None}) as speaker:
        assert await parts(speaker, speaker.wish(topic)) == [40017]
        assert (await speaker.route(topic)).status.code == 40017


async def test_clients_come_and_go(cluster: Cluster) -> None:
    """Nobody lives or leaves who has not said who he is."""
    topic, group = await cluster.topic(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        lives = pb.HeartbeatRequest(
            group=speaker.resource(group), client_type=pb.ClientType.SIMPLE_CONSUMER
        )
        leaves = pb.NotifyClientTerminationRequest(group=speaker.resource(group))
        calls = (("Heartbeat", lives), ("NotifyClientTermination", leaves))

        async def both() -> list[int]:
            return [(await speaker.ask(rpc, request)).status.code for rpc, request in calls]

        assert await both() == [40015, 40015]
        await speaker.introduce(topic)
        assert await both() == [OK, OK]
        assert await both() == [40015, 40015]
        for request, code in ((topic, OK), ("nope", 40402), ("a b", 40002), ("TBW102", 40002)):
            assert (await speaker.route(request)).status.code == code


async def test_telemetry(cluster: Cluster) -> None:
    """Settings come back with what the service sets; what is no good ends the stream."""
    topic, group = await cluster.topic(), await cluster.group(retries=3)

    async def tell(speaker: Speaker, command: pb.TelemetryCommand) -> Any:
        line = speaker.telemetry()
        await line.write(command)
        return await said(line)

    async with Speaker(cluster.endpoint, group) as speaker:
        good = await tell(speaker, speaker.settings("not-there"))
        settings = good.settings
        policy = settings.backoff_policy
        assert (good.status.code, policy.max_attempts) == (OK, 4)
        assert [wait.seconds for wait in policy.customized_backoff.next][:5] == [1, 5, 10, 30, 60]
        subscription = settings.subscription
        assert (subscription.receive_batch_size, subscription.long_polling_timeout.seconds) == (
            32,
            20,
        )
        producer = (await tell(speaker, speaker.settings(topic, kind="PRODUCER"))).settings
        assert producer.publishing.max_body_size == 4 * 1024 * 1024
        assert producer.publishing.validate_message_type
        assert producer.backoff_policy.max_attempts == 3
        bad = speaker.settings(topic)
        bad.settings.subscription.group.name = "a b"
        assert await tell(speaker, bad) == "INVALID_ARGUMENT"
        bad = speaker.settings(topic)
        bad.settings.client_type = pb.ClientType.PULL_CONSUMER
        assert await tell(speaker, bad) == "INTERNAL"
        bad = speaker.settings(topic)
        bad.settings.ClearField("subscription")
        assert await tell(speaker, bad) == "INVALID_ARGUMENT"
    async with Speaker(cluster.endpoint, group, metadata={"x-mq-language": "XX"}) as speaker:
        assert await tell(speaker, speaker.settings(topic)) == "INTERNAL"
    async with Speaker(cluster.endpoint, group, metadata={"x-mq-client-id": None}) as speaker:
        assert (await tell(speaker, speaker.settings(topic))).status.code == 40017


async def test_messages_are_refused(cluster: Cluster) -> None:
    """Each for its reason."""
    normal, fifo, delay = [await cluster.topic(kind) for kind in ("NORMAL", "FIFO", "DELAY")]
    async with Speaker(cluster.endpoint) as speaker:
        await speaker.introduce(normal, kind="PRODUCER")

        async def code(topic: str = normal, body: str = "x", **system: Any) -> int:
            return (await speaker.send(topic, body, **system)).status.code

        assert await code(body="x" * 4 * 1024 * 1024) == OK
        assert await code(body="x" * (4 * 1024 * 1024 + 1)) == 41301
        assert await code(body="") == 41302
        for wrong in (code(message_group="g"), code(fifo), code(delay=5), code("nope")):
            assert await wrong == 40014
        assert await code("a b") == 40002
        assert await code(delay, delay=25 * 3600) == 40012
        assert await code(delay, delay=-5) == OK
        for tag in ("a|b", "  ", "a\n"):
            assert await code(tag=tag) == 40004
        for key in ("a\x01", " "):
            assert await code(keys=[key]) == 40005
        assert await code(fifo, message_group="x" * 64) == 40006
        assert await code(fifo, message_group="x" * 63) == OK
        assert await code(properties={"KEYS": "x"}) == 40007
        assert await code(properties={"a": "\x02"}) == 40007
        assert await code(message_id="") == 40009
        assert await code(properties={"a": "x" * 16 * 1024}) == 43101
        assert await code(properties={str(number): "x" for number in range(129)}) == 43101
        request = pb.SendMessageRequest()
        assert (await speaker.ask("SendMessage", request)).status.code == 40016
        request.messages.extend([speaker.message(normal), speaker.message(fifo)])
        assert (await speaker.ask("SendMessage", request)).status.code == 40016


async def test_a_message_keeps_what_it_had(cluster: Cluster) -> None:
    """All that the producer said is there; the digest is MD5 in capitals."""
    topic, group = await cluster.topic(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        sent = await speaker.send(
            topic, "hello", tag="a", keys=["k1", "k2"], properties={"y": "ü"}, trace_context="00-1"
        )
        assert codes(sent) == [OK, OK]
        (message,) = await until(speaker, topic)
        system = message.system_properties
        assert (message.topic.name, message.body) == (topic, b"hello")
        assert dict(message.user_properties) == {"y": "ü", "TRACE_CONTEXT": "00-1"}
        assert (system.tag, list(system.keys)) == ("a", ["k1", "k2"])
        assert system.message_id == sent.entries[0].message_id
        assert system.body_digest.type == pb.DigestType.MD5
        assert system.body_digest.checksum == "5D41402ABC4B2A76B9719D911017C592"
        assert (system.body_encoding, system.message_type) == (1, 1)
        assert (system.queue_id, system.queue_offset, system.delivery_attempt) == (0, 0, 1)
        assert (system.born_host, system.trace_context) == ("here", "00-1")
        assert len(system.receipt_handle.split(" ")) == 9
        absent = ("delivery_timestamp", "invisible_duration", "message_group", "dead_letter_queue")
        assert [name for name in absent if system.HasField(name)] == []


async def test_a_batch_has_one_entry(cluster: Cluster) -> None:
    """With all ids in it; the messages are single ones."""
    topic, group = await cluster.topic(), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        two = [speaker.message(topic, "1"), speaker.message(topic, "2")]
        answer = await speaker.ask("SendMessage", pb.SendMessageRequest(messages=two))
        assert codes(answer) == [OK, OK]
        ids = [message.system_properties.message_id for message in two]
        assert answer.entries[0].message_id.split(",") == ids
        found = await until(speaker, topic)
        assert [message.system_properties.message_id for message in found] == ids


async def test_a_delayed_message_waits(cluster: Cluster) -> None:
    """It is not there before its time, and says when that was."""
    topic, group = await cluster.topic("DELAY"), await cluster.group()
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        await speaker.send(topic, "late", delay=2)
        (message,) = await until(speaker, topic)
        system = message.system_properties
        assert system.message_type == pb.MessageType.DELAY
        assert (
            system.store_timestamp.ToMilliseconds()
            >= system.delivery_timestamp.ToMilliseconds() - 1000
        )


@pytest.mark.parametrize("fifo", [False, True])
async def test_push_consumers(cluster: Cluster, *, fifo: bool) -> None:
    """They get an assignment for each broker, or queue, and a minute until they go."""
    topic, group = await cluster.topic("FIFO" if fifo else "NORMAL"), await cluster.group(fifo=fifo)
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic, kind="PUSH_CONSUMER")
        request = pb.QueryAssignmentRequest(
            topic=speaker.resource(topic), group=speaker.resource(group)
        )
        answer = await speaker.ask("QueryAssignment", request)
        assert [one.message_queue.id for one in answer.assignments] == [0 if fifo else -1]
        await speaker.send(topic, "a", **({"message_group": "m"} if fifo else {}))
        (message,) = await until(speaker, topic, renew=True, invisible=1)
        assert handle(message).split(" ")[2] == "60000"
        leaves: Message = pb.NotifyClientTerminationRequest(group=speaker.resource(group))
        assert (await speaker.ask("NotifyClientTermination", leaves)).status.code == OK
    async with Speaker(cluster.endpoint, group) as speaker:
        await speaker.introduce(topic)
        (again,) = await until(speaker, topic)
        assert (again.body, attempts([again])) == (b"a", [2])


async def test_filters(cluster: Cluster) -> None:
    """What passes the one passes the other."""
    topic = await cluster.topic()
    rows: list[dict[str, Any]] = [
        {"tag": "a", "properties": {"n": "1"}},
        {"tag": "b", "properties": {"n": "5", "k": "x"}},
        {"properties": {"n": "ten"}},
        {"tag": "c", "properties": {"n": "7.5", "k": "y"}},
    ]
    wanted = {
        ("tags", "a || b"): "01",
        ("sql", "n > 4"): "1",
        ("sql", "n <> 5"): "0",
        ("sql", "n NOT BETWEEN 2 AND 6"): "0",
        ("sql", "n >= 7.5"): "3",
        ("sql", "k IS NULL"): "02",
        ("sql", "k NOT IN ('x') OR n = 1"): "03",
        ("sql", "n > 4 OR k IS NULL"): "01",
        ("sql", "k NOT CONTAINS 'x'"): "3",
        ("sql", "TAGS = 'a' OR TAGS = 'c'"): "03",
        ("sql", "NOT (n > 4)"): "0",
        ("sql", "TRUE"): "0123",
    }
    groups = [await cluster.group() for _ in wanted]
    async with Speaker(cluster.endpoint) as speaker:
        for number, row in enumerate(rows):
            await speaker.send(topic, str(number), **row)

    async def passed(group: str, kind: str, expression: str) -> str:
        async with Speaker(cluster.endpoint, group) as speaker:
            await speaker.introduce(topic)
            wish: dict[str, Any] = {kind: expression}
            return "".join(bodies(await speaker.receive(topic, **wish)))

    found = await asyncio.gather(
        *(passed(group, *wish) for group, wish in zip(groups, wanted, strict=True))
    )
    assert dict(zip(wanted, found, strict=True)) == wanted
