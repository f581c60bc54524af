"""Everything that can be made to go wrong, and that it goes wrong only where it shall."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import pytest
from tests.unit.testing.rocketmq.speaking import Speaker, attempts, bodies, handle, until

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.occasion import Faults
from eventing_alibaba.testing.emulators.rocketmq import Fault, RocketmqEmulator


async def codes(speaker: Speaker, topic: str, count: int) -> list[int]:
    """Send messages one by one; return what each answer said."""
    return [(await speaker.send(topic)).status.code for _ in range(count)]


async def test_an_error_comes_so_many_times(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """It hits the named operation alone, performs nothing, and ends by itself."""
    rocketmq.fail("SendMessage", "TOO_MANY_REQUESTS", times=2)
    assert (await speaker.route("t")).status.code == 20000
    assert await codes(speaker, "t", 3) == [42900, 42900, 20000]
    assert rocketmq.counts("t", "g")["fresh"] == 1
    assert rocketmq.operations()["SendMessage"] == {
        "requests": 3,
        "messages": 1,
        "codes": {"TOO_MANY_REQUESTS": 2, "OK": 1},
    }


def test_an_error_lasts_so_long() -> None:
    """After its seconds the fault is no more."""
    faults: Faults[Fault] = Faults()
    faults.add(Fault(error="INTERNAL_ERROR", seconds=30), now=100.0)
    assert faults.find("SendMessage", "t", "g", now=129.9) is not None
    assert faults.find("SendMessage", "t", "g", now=130.0) is None
    assert list(faults) == []


async def test_chance_repeats(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The same seed hits the same requests; about the wanted part of them."""
    runs = []
    for _ in range(2):
        rocketmq.heal()
        rocketmq.fail("SendMessage", "HA_NOT_AVAILABLE", probability=0.3, seed=7)
        runs.append(await codes(speaker, "t", 60))
    assert runs[0] == runs[1]
    assert 8 <= Counter(runs[0])[50002] <= 30


async def test_only_one_topic_or_group_is_hit(
    rocketmq: RocketmqEmulator, speaker: Speaker, ordered: Speaker
) -> None:
    """A fault that names one leaves the others alone."""
    rocketmq.fail("*Route", "TOPIC_NOT_FOUND", topic="fifo", message="gone")
    answer = await speaker.route("fifo")
    assert (answer.status.code, answer.status.message) == (40402, "gone")
    assert (await speaker.route("t")).status.code == 20000
    rocketmq.fail("AckMessage", "FORBIDDEN", group="f")
    assert (await ordered.ack("fifo", ["x"])).status.code == 40300
    assert (await speaker.ack("t", ["x"])).status.code == 50001


async def test_a_status_of_grpc_ends_the_call(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """With `performed` it did what it should all the same."""
    rocketmq.fail("SendMessage", grpc="UNAVAILABLE", times=1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await speaker.send("t")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert rocketmq.counts("t", "g")["fresh"] == 0
    rocketmq.fail("SendMessage", grpc="INTERNAL", performed=True, times=1)
    with pytest.raises(grpc.aio.AioRpcError):
        await speaker.send("t")
    assert rocketmq.counts("t", "g")["fresh"] == 1


async def test_an_answer_never_comes(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The client's deadline ends it; the deed is done if it should be."""
    rocketmq.send("t", ["x"])
    got = await speaker.receive("t")
    rocketmq.fail("AckMessage", never=True, performed=True, times=1)
    request = pb.AckMessageRequest(group=speaker.resource("g"), topic=speaker.resource("t"))
    request.entries.add(message_id="x", receipt_handle=handle(got[0]))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await speaker.ask("AckMessage", request, timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert rocketmq.counts("t", "g")["acked"] == 1


async def test_answers_come_late(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """`delay` is before the deed, `late` is after it."""
    rocketmq.fail("SendMessage", delay=0.2, times=1)
    sending = asyncio.create_task(speaker.send("t"))
    await until(lambda: [fault.used for fault in rocketmq.faults] == [1])
    assert rocketmq.counts("t", "g")["fresh"] == 0
    await sending
    rocketmq.heal()
    rocketmq.fail("SendMessage", late=0.2, times=1)
    sending = asyncio.create_task(speaker.send("t"))
    await until(lambda: rocketmq.counts("t", "g")["fresh"] == 2)
    assert not sending.done()
    assert (await sending).status.code == 20000


async def test_entries_fail_one_by_one(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The others of the request succeed, and the answer says that results differ."""
    rocketmq.send("t", ["1", "2", "3", "4"])
    got = await speaker.receive("t")
    rocketmq.fail("AckMessage", "INTERNAL_SERVER_ERROR", items=True, times=2)
    answer = await speaker.ack("t", got)
    assert answer.status.code == 30000
    assert [entry.status.code for entry in answer.entries] == [50001, 50001, 20000, 20000]
    assert rocketmq.counts("t", "g")["held"] == 2
    rocketmq.fail("SendMessage", "HA_NOT_AVAILABLE", items=True, times=1)
    assert await codes(speaker, "t", 2) == [50002, 20000]


async def test_acknowledgements_are_in_vain(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """They are answered with OK, and the messages come again."""
    rocketmq.send("t", ["x"])
    got = await speaker.receive("t", invisible=10)
    rocketmq.fail("AckMessage", void=True)
    assert (await speaker.ack("t", got)).status.code == 20000
    rocketmq.age(10)
    assert attempts(await speaker.receive("t")) == [2]


async def test_a_stream_breaks_off(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """What was not told is visible again after a second, what was told when its time is up."""
    rocketmq.send("t", ["1", "2", "3", "4"])
    rocketmq.fail("ReceiveMessage", half=True, times=1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await speaker.receive("t")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    rocketmq.age(1)
    assert len(await speaker.receive("t")) == 2


async def test_handles_expire_in_flight(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """Whatever the client asked for, the messages are hidden for a moment only."""
    rocketmq.send("t", ["x"])
    rocketmq.fail("ReceiveMessage", invisible=0.01, times=1)
    (first,) = await speaker.receive("t", invisible=30)
    (again,) = await speaker.receive("t", invisible=30)
    assert (attempts([again]), bodies([again])) == ([2], ["x"])
    answer = await speaker.ack("t", [first])
    assert answer.entries[0].status.code == 40013


async def test_digests_are_wrong(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The body is not."""
    rocketmq.send("t", ["hello"])
    rocketmq.fail("ReceiveMessage", digest=True)
    (got,) = await speaker.receive("t")
    assert got.body == b"hello"
    assert got.system_properties.body_digest.checksum != "5D41402ABC4B2A76B9719D911017C592"


async def test_receives_do_not_wait(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """`early` answers at once that there is nothing; beyond the limit of polls it is refused."""
    rocketmq.fail("ReceiveMessage", early=True, times=1)
    assert await speaker.receive("t", poll=20) == []
    rocketmq.limit_polls(0)
    (answer, _) = await speaker.ask_for(speaker.wish("t"))
    assert (answer.status.code, answer.status.message) == (42900, "polling full")


async def test_a_proxy_starts_anew(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """Connections and settings are gone, messages and handles are not."""
    rocketmq.send("t", ["x"])
    got = await speaker.receive("t")
    waiting = asyncio.create_task(speaker.receive("t", poll=20))
    await until(lambda: rocketmq.state()["polls"])
    await rocketmq.restart()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    async with Speaker(rocketmq.endpoints) as other:
        (answer, _) = await other.ask_for(other.wish("t"))
        assert answer.status.code == 50001
        await other.introduce("t")
        assert (await other.ack("t", got)).status.code == 20000
    assert rocketmq.counts("t", "g")["acked"] == 1


async def test_telemetry_is_cut(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The stream ends, the settings stay, and all other calls go on."""
    assert rocketmq.cut_telemetry() == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await speaker.line.read()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    rocketmq.send("t", ["x"])
    assert bodies(await speaker.receive("t")) == ["x"]
    assert [client["telemetry"] for client in rocketmq.state()["clients"]] == [False]


async def test_settings_are_forgotten(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """The stream stays open; who says again who he is may receive again."""
    rocketmq.forget_clients()
    (answer, _) = await speaker.ask_for(speaker.wish("t"))
    assert answer.status.code == 50001
    await speaker.line.write(speaker.settings("t"))
    assert (await speaker.line.read()).status.code == 20000
    rocketmq.send("t", ["x"])
    assert bodies(await speaker.receive("t")) == ["x"]


async def test_clients_are_asked_to_connect_anew(
    rocketmq: RocketmqEmulator, speaker: Speaker
) -> None:
    """By a command on their streams."""
    assert await rocketmq.reconnect() == 1
    command = await asyncio.wait_for(speaker.line.read(), 10)
    assert command.HasField("reconnect_endpoints_command")


async def test_a_topic_comes_later(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """It is not found until it is there, and a deleted one ends the polls that wait for it."""
    assert (await speaker.route("late")).status.code == 40402
    rocketmq.create_topic("late")
    assert (await speaker.route("late")).status.code == 20000
    waiting = asyncio.create_task(speaker.ask_for(speaker.wish("late", poll=20)))
    await until(lambda: rocketmq.state()["polls"])
    rocketmq.delete_topic("late")
    assert (await waiting)[0].status.code == 40402


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"operation": "Sing", "error": "FORBIDDEN"}, "Sing"),
        ({"error": "NOT_GOOD"}, "NOT_GOOD"),
        ({"grpc": "NOT_GOOD"}, "NOT_GOOD"),
        ({}, "does nothing"),
        ({"items": True, "never": True}, "items needs an error"),
        ({"delay": -1.0}, "negative"),
        ({"error": "FORBIDDEN", "probability": 2.0}, "from 0 to 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_faults_are_refused(wrong: dict[str, object], word: str) -> None:
    """With a sentence that names what is wrong."""
    with pytest.raises(ValueError, match=word):
        Fault.from_json(wrong)
