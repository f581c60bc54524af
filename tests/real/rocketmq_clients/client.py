"""The calls of rocketmq-python-client, once; prints what it saw as JSON.

Arguments: endpoint, a word that topics and groups begin with. Needs only that package, and a home
directory that it may write logs into.
"""

import json
import os
import sys
import threading
import time
from typing import Any

from rocketmq import (
    ClientConfiguration,
    ConsumeResult,
    Credentials,
    FilterExpression,
    Message,
    MessageListener,
    Producer,
    PushConsumer,
    SimpleConsumer,
)
from rocketmq.grpc_protocol import FilterType
from rocketmq.v5.exception.client_exception import InternalErrorException

ENDPOINT, WORD = sys.argv[1:]
NORMAL, FIFO, DELAY = f"{WORD}-normal", f"{WORD}-fifo", f"{WORD}-delay"


def configuration(secret: str = "test") -> ClientConfiguration:
    return ClientConfiguration(ENDPOINT, Credentials("test", secret))


def message(topic: str, body: str, **properties: str) -> Message:
    one = Message()
    one.topic = topic
    one.body = body.encode()
    for name, value in properties.items():
        one.add_property(name, value)
    return one


def consumer(
    group: str, topic: str, expression: str = "*", kind: FilterType = FilterType.TAG
) -> SimpleConsumer:
    filters = {topic: FilterExpression(expression, kind)}
    one = SimpleConsumer(configuration(), f"{WORD}-{group}", filters, await_duration=5)
    one.startup()
    return one


def received(one: SimpleConsumer, count: int, seconds: float = 120) -> list[Message]:
    """Receive until there are so many; each poll is of one queue of its choice, which may be empty.

    A consumer that has just started may ask before its settings have arrived, and is refused then,
    as by a real proxy.
    """
    found: list[Message] = []
    ends = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < ends:
        try:
            found += one.receive(32, 120) or []
        except InternalErrorException:
            time.sleep(0.1)
    return found


def shown(one: Message) -> dict[str, Any]:
    return {
        "body": one.body.decode(),
        "tag": one.tag,
        "keys": sorted(one.keys),
        "properties": one.properties,
        "attempt": one.delivery_attempt,
    }


class Listener(MessageListener):  # type: ignore[misc]  # not installed here
    """Fails the message "2" when it sees it first."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.seen: list[list[Any]] = []
        self.done = threading.Event()
        self.lock = threading.Lock()

    def consume(self, message: Message) -> ConsumeResult:
        with self.lock:
            self.seen.append([message.body.decode(), message.delivery_attempt])
            if len(self.seen) == self.wanted:
                self.done.set()
            again = [body for body, _ in self.seen].count("2") == 1 and self.seen[-1][0] == "2"
        return ConsumeResult.FAILURE if again else ConsumeResult.SUCCESS


def push(group: str, topic: str, wanted: int) -> list[list[Any]]:
    listener = Listener(wanted)
    one = PushConsumer(configuration(), f"{WORD}-{group}", listener, {topic: FilterExpression()})
    one.startup()
    listener.done.wait(60)
    time.sleep(1)  # the acknowledgement of the last one is on its way
    one.shutdown()
    return listener.seen


def main() -> None:
    seen: dict[str, Any] = {}
    producer = Producer(configuration(), (NORMAL, FIFO, DELAY))
    producer.startup()
    for number, tag in enumerate("aba", 1):
        one = message(NORMAL, str(number), n=str(number))
        one.tag = tag
        one.keys = f"k{number}"
        producer.send(one)
    for number in range(5):
        one = message(FIFO, str(number))
        one.message_group = "g"
        producer.send(one)
    late = message(DELAY, "late")
    late.delivery_timestamp = int(time.time()) + 2
    sent = time.time()
    producer.send(late)

    one = consumer("tag", NORMAL, "a")
    found = received(one, 2)
    for each in found:
        one.ack(each)
    seen["tag"] = sorted(map(shown, found), key=lambda each: each["body"])
    one.shutdown()

    one = consumer("sql", NORMAL, "n > 1 AND TAGS <> 'c'", FilterType.SQL)
    found = received(one, 2)
    seen["sql"] = sorted(each.body.decode() for each in found)
    one.change_invisible_duration(found[0], 10)
    one.ack(found[0])
    one.change_invisible_duration(found[1], 1)
    (again,) = received(one, 1)
    seen["again"] = [again.body == found[1].body, again.delivery_attempt]
    one.ack(again)
    one.shutdown()

    one = consumer("fifo", FIFO)
    found = received(one, 5)
    for each in found:
        one.ack(each)
    seen["fifo"] = [each.body.decode() for each in found]
    one.shutdown()

    one = consumer("delay", DELAY)
    (only,) = received(one, 1)
    seen["delay"] = [only.body.decode(), time.time() - sent > 0.9]
    one.ack(only)
    one.shutdown()

    seen["push"] = sorted(push("push", NORMAL, 4))
    seen["pushFifo"] = [body for body, _ in push("push-fifo", FIFO, 6)]

    Producer(configuration("wrong"), (NORMAL,)).startup()  # a refusal is in its log only
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    producer.shutdown()
    os._exit(0)  # its threads outlive a shutdown now and then


main()
