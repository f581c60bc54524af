"""The cluster itself, by hand: what the other tests take for granted about it."""

from __future__ import annotations

from tests.real.rocketmq.place import Place
from tests.real.rocketmq.raw import Raw
from tests.real.servers.rocketmq.server import RocketServer

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb


def test_messages_pass_and_are_counted(rocketmq_server: RocketServer) -> None:
    """What the admin writes a consumer receives with its id, tag, keys and properties."""
    place = Place(rocketmq_server, "smoke")
    written = place.send(40, tag="red", keys=("a", "b"), properties={"region": "eu"})
    with Raw(rocketmq_server.endpoint, place.name, place.name) as consumer:
        taken = consumer.take(40)
        assert place.backlog() == 40
        assert consumer.ack(taken).status.code == pb.OK
    assert place.backlog() == 0
    assert {m.system_properties.message_id for m in taken} == {m.id for m in written}
    for message in taken:
        assert message.system_properties.tag == "red"
        assert list(message.system_properties.keys) == ["a", "b"]
        assert dict(message.user_properties) == {"region": "eu"}


def test_a_fifo_topic_keeps_what_the_admin_writes_in_order(rocketmq_server: RocketServer) -> None:
    """Each queue has its messages in the order of the call, however many there are."""
    place = Place(rocketmq_server, "smoke-fifo", fifo=True, queues=2)
    written = place.send(500)
    seen: dict[int, list[str]] = {0: [], 1: []}
    with Raw(rocketmq_server.endpoint, place.name, place.name) as consumer:
        assert consumer.settings.subscription.fifo
        while place.backlog():
            taken = consumer.take(1)
            consumer.ack(taken)
            for message in taken:
                own = message.system_properties
                seen[own.queue_id].append(own.message_id)
    for queue, ids in seen.items():
        assert ids == [m.id for m in written if m.queue == queue]


def test_parts_go_away_and_come_back_alone(rocketmq_server: RocketServer) -> None:
    """A proxy that was killed serves the same messages from the same address again."""
    place = Place(rocketmq_server, "smoke-restart")
    place.send(4)
    rocketmq_server.kill("proxy")
    rocketmq_server.start()
    with Raw(rocketmq_server.endpoint, place.name, place.name) as consumer:
        consumer.ack(consumer.take(4))
    assert place.backlog() == 0
