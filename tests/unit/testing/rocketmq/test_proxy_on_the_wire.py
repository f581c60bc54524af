"""What goes over gRPC: routes, waiting, signatures, TLS, namespaces, push consumers that leave."""

from __future__ import annotations

import asyncio

import grpc
import pytest
import trustme
from tests.unit.testing.rocketmq.speaking import Speaker, attempts, bodies, handle, until

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq import RocketmqEmulator
from eventing_alibaba.testing.emulators.rocketmq.server import Certificate


async def test_a_message_arrives_once(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """Sent, received, acknowledged: nothing is left, and the counts say so."""
    await speaker.send("t", "hello", tag="a")
    got = await speaker.receive("t")
    assert bodies(got) == ["hello"]
    assert (await speaker.ack("t", got)).status.code == 20000
    counts = rocketmq.counts("t", "g")
    assert (counts["backlog"], counts["received"], counts["acked"]) == (0, 1, 1)
    (message,) = rocketmq.messages("t", "g")
    assert (message["body"], message["tag"], message["acked"], message["void"]) == (
        "hello",
        "a",
        1,
        0,
    )


async def test_a_poll_wakes(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """By a message, by a lease that ends, by a delayed message whose time has come."""
    for wake in ("send", "age", "delay"):
        topic = "delay" if wake == "delay" else "t"
        if wake == "age":
            assert await speaker.receive("t")
        waiting = asyncio.create_task(speaker.receive(topic, poll=20))
        await until(lambda: rocketmq.state()["polls"])
        if wake == "send":
            rocketmq.send("t", ["x"])
        elif wake == "age":
            rocketmq.age(60)
        else:
            rocketmq.send("delay", ["x"], delay=0.05)
        got = await asyncio.wait_for(waiting, 5)
        assert bodies(got) == ["x"]
        if wake == "send":
            await speaker.change("t", handle(got[0]), 0)
    assert rocketmq.counts("t", "g")["held"] == 1


async def test_who_asks_for_nothing_waits_and_gets_nothing(
    rocketmq: RocketmqEmulator, speaker: Speaker
) -> None:
    """Also where messages are, which go to whoever asks next; fewer than none is an error."""
    rocketmq.send("t", ["x"])
    waiting = asyncio.create_task(speaker.receive("t", 0, poll=5))
    assert bodies(await speaker.receive("t", 1)) == ["x"]
    assert not waiting.done()
    waiting.cancel()
    refused = await speaker.ask_for(speaker.wish("t", -1))
    assert refused[0].status.code == pb.INTERNAL_SERVER_ERROR


async def test_an_unlocked_queue_wakes_a_poll(rocketmq: RocketmqEmulator, ordered: Speaker) -> None:
    """The last acknowledgement lets the next messages go to who waits."""
    rocketmq.send("fifo", ["1"], group="m")
    got = await ordered.receive("fifo")
    rocketmq.send("fifo", ["2"], group="m")
    waiting = asyncio.create_task(ordered.receive("fifo", poll=20))
    await until(lambda: rocketmq.state()["polls"])
    await ordered.ack("fifo", got)
    assert bodies(await asyncio.wait_for(waiting, 5)) == ["2"]


async def test_who_leaves_takes_nothing(rocketmq: RocketmqEmulator, speaker: Speaker) -> None:
    """A cancelled poll gets no message that comes later."""
    waiting = asyncio.create_task(speaker.receive("t", poll=20))
    await until(lambda: rocketmq.state()["polls"])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not rocketmq.state()["polls"])
    rocketmq.send("t", ["x"])
    assert rocketmq.counts("t", "g")["fresh"] == 1


async def test_brokers_have_their_own_messages_and_clients() -> None:
    """A route names them all; each is asked for its own, and wants to know who asks."""
    async with RocketmqEmulator(ports=(0, 0)) as rocketmq:
        rocketmq.create_topic("t", queues=1)
        rocketmq.send("t", ["1", "2"])
        async with Speaker(rocketmq.endpoints) as first:
            route = await first.route("t")
            brokers = {queue.broker.name: queue.broker.endpoints for queue in route.message_queues}
            assert sorted(brokers) == ["broker-a", "broker-b"]
            await first.introduce("t")
            got = await first.receive("t", broker="broker-a")
            assert len(got) == 1
            address = brokers["broker-b"].addresses[0]
            async with Speaker(f"{address.host}:{address.port}") as second:
                (answer, _) = await second.ask_for(second.wish("t"))
                assert answer.status.code == 50001
                await second.introduce("t")
                got += await second.receive("t")
        assert sorted(bodies(got)) == ["1", "2"]


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"key": None}, "authorization is null"),
        ({"key": "nobody"}, "nobody is not found"),
        ({"secret": "wrong"}, "check signature failed"),
        ({"metadata": {"authorization": "Basic x"}}, "is incorrect"),
        ({"metadata": {"x-mq-date-time": None}}, "check signature failed"),
    ],
)
async def test_signatures_are_checked(
    rocketmq: RocketmqEmulator, how: dict[str, str], word: str
) -> None:
    """Each RPC and the telemetry stream refuse what is not signed rightly, and say why."""
    async with Speaker(rocketmq.endpoints, **how) as stranger:  # type: ignore[arg-type]
        answer = await stranger.route("t")
        assert answer.status.code == 40100
        assert word in answer.status.message
        assert (await stranger.introduce("t")).status.code == 40100
        (part,) = await stranger.ask_for(stranger.wish("t"))
        assert part.status.code == 40100


async def test_tokens_end(rocketmq: RocketmqEmulator) -> None:
    """A key of STS is good with its token, until that ends or the key is withdrawn."""
    rocketmq.add_key("STS", "s", token="t", seconds=100)
    good = {"x-mq-session-token": "t"}
    async with Speaker(rocketmq.endpoints, key="STS", secret="s", metadata=dict(good)) as client:
        assert (await client.route("t")).status.code == 20000
        rocketmq.expire_key("STS")
        assert "expired" in (await client.route("t")).status.message
        rocketmq.remove_key("STS")
        assert (await client.route("t")).status.code == 40100
    rocketmq.add_key("STS", "s", token="t")
    async with Speaker(rocketmq.endpoints, key="STS", secret="s") as client:
        assert "token" in (await client.route("t")).status.message


async def test_any_signature_will_do() -> None:
    """Where the emulator is told so."""
    async with RocketmqEmulator(strict=False) as rocketmq:
        rocketmq.create_topic("t")
        async with Speaker(rocketmq.endpoints, key=None) as client:
            assert (await client.route("t")).status.code == 20000


async def test_an_instance_has_a_namespace() -> None:
    """Names of another one are not found; messages come with it."""
    async with RocketmqEmulator(namespace="rmq-cn-1", make_groups=False) as rocketmq:
        rocketmq.create_topic("t")
        rocketmq.create_group("g")
        async with Speaker(rocketmq.endpoints) as stranger:
            assert (await stranger.route("t")).status.code == 40402
        async with Speaker(rocketmq.endpoints, namespace="rmq-cn-1") as client:
            await client.introduce("t")
            await client.send("t")
            (got,) = await client.receive("t")
            assert got.topic.resource_namespace == "rmq-cn-1"
            client.group = "other"
            (answer, _) = await client.ask_for(client.wish("t"))
            assert answer.status.code == 40403


async def test_it_serves_tls() -> None:
    """With a certificate that the client knows; a plain client gets nowhere."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate = Certificate(
        chain=b"".join(blob.bytes() for blob in issued.cert_chain_pems),
        key=issued.private_key_pem.bytes(),
    )
    async with RocketmqEmulator(host="localhost", tls=certificate) as rocketmq:
        rocketmq.create_topic("t")
        trusts = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        async with Speaker(rocketmq.endpoints, credentials=trusts) as client:
            route = await client.route("t")
            endpoints = route.message_queues[0].broker.endpoints
            assert endpoints.scheme == pb.AddressScheme.DOMAIN_NAME
        async with Speaker(rocketmq.endpoints) as plain:
            with pytest.raises(grpc.aio.AioRpcError):
                await plain.route("t")


async def test_push_consumers_are_renewed(rocketmq: RocketmqEmulator) -> None:
    """Their messages stay hidden while they live, and are visible a second after they left."""
    rocketmq.send("t", ["x"])
    async with Speaker(rocketmq.endpoints, "p") as client:
        await client.introduce("t", kind="PUSH_CONSUMER")
        await client.receive("t", renew=True)
        rocketmq.age(59)
        for server in rocketmq._servers.values():
            server.desk.proxy.renew(_now())
        rocketmq.age(59)
        assert rocketmq.counts("t", "p")["held"] == 1
        leaves = pb.NotifyClientTerminationRequest(group=client.resource("p"))
        await client.ask("NotifyClientTermination", leaves)
        rocketmq.age(1)
        assert rocketmq.counts("t", "p")["again"] == 1
        await client.introduce("t")
        assert attempts(await client.receive("t")) == [2]


async def test_compressed_bodies_stay_as_they_are(
    rocketmq: RocketmqEmulator, speaker: Speaker
) -> None:
    """The service does not look into a body; the digest is of what is stored."""
    message = speaker.message("t", "not really zlib")
    message.system_properties.body_encoding = pb.Encoding.GZIP
    await speaker.ask("SendMessage", pb.SendMessageRequest(messages=[message]))
    (got,) = await speaker.receive("t")
    assert (got.body, got.system_properties.body_encoding) == (b"not really zlib", pb.Encoding.GZIP)


def _now() -> int:
    from eventing_alibaba.testing.emulators.rocketmq.service.polls import now

    return now()
