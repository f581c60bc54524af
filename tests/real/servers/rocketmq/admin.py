"""Topics, groups and messages of a test broker, over its own protocol.

RocketMQ's admin command starts a Java machine for each call, which takes longer than most tests;
this asks the broker in milliseconds, and each call connects anew, so it survives the broker's
restarts. Messages are written here too, not through gRPC, because a test of a gRPC client wants a
producer that shares no code with it, and because this way names the queue.
"""

from __future__ import annotations

import itertools
import json
import struct
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from tests.real.servers.rocketmq.remoting import Answer, Connection, RefusedError, Request
from tests.real.servers.rocketmq.settings import CLUSTER, Login, Ports

MessageType: TypeAlias = Literal["NORMAL", "FIFO", "DELAY", "TRANSACTION"]

_PATIENCE: Final = 20.0
_READ_WRITE: Final = 6
_BATCH: Final = 100
_BATCH_BYTES: Final = 1_000_000


def _new_id() -> str:
    return uuid.uuid4().hex.upper()


@dataclass(slots=True)
class Written:
    """A message to write; `id` is the one that clients see.

    Attributes:
        body: as it is stored.
        queue: number of the queue, from 0.
        tag: one, or none.
        keys: any number.
        properties: user properties.
        group: of a FIFO message.
        id: made if it is not given.
    """

    body: bytes
    queue: int = 0
    tag: str | None = None
    keys: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    id: str = field(default_factory=_new_id)

    def text(self) -> str:
        """Return all properties as the broker stores them."""
        known = {
            "UNIQ_KEY": self.id,
            "TAGS": self.tag,
            "KEYS": " ".join(self.keys) or None,
            "__SHARDINGKEY": self.group,
            **self.properties,
        }
        return "".join(f"{name}\1{value}\2" for name, value in known.items() if value is not None)

    def stored(self) -> bytes:
        """Return the message as a batch has it.

        Four-byte numbers: size of the whole, 0, 0, 0, size of the body; the body; a two-byte
        number: size of the properties; the properties.
        """
        text = self.text().encode()
        size = 22 + len(self.body) + len(text)
        head = struct.pack(">iiiii", size, 0, 0, 0, len(self.body))
        return head + self.body + struct.pack(">h", len(text)) + text


class RocketAdmin:
    """Changes a broker from outside, and looks into it.

    All methods block, at most 20 seconds, and raise `RefusedError` when the broker refuses and
    `OSError` when there is none.
    """

    def __init__(self, ports: Ports, login: Login | None = None) -> None:
        self._login = login
        self._broker = ports.broker
        self._names = ports.names
        self._metrics = ports.metrics

    def create_topic(self, name: str, *, queues: int = 4, kind: MessageType = "NORMAL") -> None:
        """Make a topic and wait until the name server knows it."""
        self._ask(
            17,
            {
                "topic": name,
                "defaultTopic": "TBW102",
                "readQueueNums": queues,
                "writeQueueNums": queues,
                "perm": _READ_WRITE,
                "topicFilterType": "SINGLE_TAG",
                "topicSysFlag": 0,
                "order": kind == "FIFO",
                "attributes": f"+message.type={kind}",
            },
        )
        self._until(lambda: self._routed(name), f"no route of topic {name}")

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until the name server does not know it."""
        self._ask(215, {"topic": name})
        with Connection(self._names) as names:
            names.ask(Request(216, {"topic": name}))
        self._until(lambda: not self._routed(name), f"still a route of topic {name}")

    def create_group(self, name: str, *, fifo: bool = False, retries: int = 16) -> None:
        """Make a consumer group; `retries` redeliveries, then its messages are dead letters."""
        config = {
            "groupName": name,
            "consumeEnable": True,
            "consumeFromMinEnable": True,
            "consumeBroadcastEnable": True,
            "consumeMessageOrderly": fifo,
            "retryQueueNums": 1,
            "retryMaxTimes": retries,
            "brokerId": 0,
            "whichBrokerWhenConsumeSlowly": 1,
            "notifyConsumerIdsChangedEnable": True,
        }
        self._ask(200, {}, json.dumps(config).encode())

    def delete_group(self, name: str) -> None:
        """Delete a consumer group with its offsets."""
        self._ask(207, {"groupName": name, "cleanOffset": True})

    def create_user(self, user: Login) -> None:
        """Make a user that may do nothing; for clusters that control access."""
        told = {"username": user.username, "password": user.password, "userType": "Normal"}
        self._ask(3001, {"username": user.username}, json.dumps(told).encode())

    def start_at_beginning(self, group: str, topic: str, *, queues: int) -> None:
        """Let a group that has never received begin with the first message.

        Of itself it would begin near the end, as the proxy asks on behalf of all clients.
        """
        fields = {"consumerGroup": group, "topic": topic, "commitOffset": 0}
        self._ask_all([Request(15, {**fields, "queueId": queue}) for queue in range(queues)])

    def send(self, topic: str, messages: Sequence[Written]) -> list[str]:
        """Write messages, in this order within each queue; return their ids.

        In batches, of which a queue gets one after the other: the broker carries out requests of
        one connection side by side, so single messages sent ahead would change places.
        """
        queues: dict[int, list[Written]] = {}
        for message in messages:
            queues.setdefault(message.queue, []).append(message)
        batches = [_batches(topic, queue, waiting) for queue, waiting in queues.items()]
        for round_ in itertools.zip_longest(*batches):
            self._ask_all([request for request in round_ if request is not None])
        return [message.id for message in messages]

    def count(self, topic: str, *, queues: int) -> int:
        """Return how many messages a topic has, read or not; 0 for a topic that there is not."""
        total = 0
        for queue in range(queues):
            fields = {"topic": topic, "queueId": queue}
            try:
                low, high = self._ask_all([Request(31, fields), Request(30, fields)])
            except RefusedError:
                return 0
            total += int(high.fields["offset"]) - int(low.fields["offset"])
        return total

    def unread(self, group: str, topic: str, *, queues: int) -> int:
        """Return how many messages lie behind the group's offsets.

        In a FIFO group these are all that are not acknowledged. Else the offsets go on when a
        message is handed out: then see `backlog`.
        """
        total = 0
        for queue in range(queues):
            place = {"topic": topic, "queueId": queue}
            high, at = self._ask_all(
                [Request(30, place), Request(14, {**place, "consumerGroup": group})]
            )
            total += int(high.fields["offset"]) - int(at.fields["offset"])
        return total

    def backlog(self, group: str, topic: str, *, queues: int) -> int:
        """Return how many messages are not acknowledged, waiting or in somebody's hands.

        Not of FIFO groups, whose hands the broker counts wrongly. It counts hands from its own
        start on; a group that nobody has received with since then has only `unread`.
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/metrics") as page:
            lines = page.read().decode().splitlines()
        asked = ("rocketmq_consumer_lag_messages{", f'"{group}"', f'topic="{topic}"')
        found = [line for line in lines if all(part in line for part in asked)]
        if not found:
            return self.unread(group, topic, queues=queues)
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in found)  # retries have their own

    def dead_letters(self, group: str) -> int:
        """Return how many messages the broker has moved to the group's dead-letter topic."""
        return self.count(f"%DLQ%{group}", queues=1)

    def answers(self) -> bool:
        """Whether the name server knows the broker, and the broker answers."""
        try:
            self._ask(30, {"topic": CLUSTER, "queueId": 0})
            return self._routed(CLUSTER)  # every broker registers a topic of its cluster's name
        except (OSError, RefusedError):
            return False

    def _routed(self, topic: str) -> bool:
        try:
            with Connection(self._names) as names:
                names.ask(Request(105, {"topic": topic, "acceptStandardJsonOnly": True}))
        except RefusedError:
            return False
        return True

    def _ask(self, code: int, fields: Mapping[str, Any], body: bytes = b"") -> Answer:
        return self._ask_all([Request(code, fields, body)])[0]

    def _ask_all(self, requests: Sequence[Request]) -> list[Answer]:
        with Connection(self._broker, login=self._login) as broker:
            return broker.ask_all(requests)

    def _until(self, reached: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{otherwise} after {_PATIENCE:.0f} s")
            time.sleep(0.01)


def _batches(topic: str, queue: int, messages: Sequence[Written]) -> Iterator[Request]:
    """Yield requests that write messages into a queue, each of a size that a broker takes."""
    taken: list[bytes] = []
    size = 0
    for message in messages:
        stored = message.stored()
        if taken and (len(taken) == _BATCH or size + len(stored) > _BATCH_BYTES):
            yield _writing(topic, queue, taken)
            taken, size = [], 0
        taken.append(stored)
        size += len(stored)
    if taken:
        yield _writing(topic, queue, taken)


def _writing(topic: str, queue: int, stored: Sequence[bytes]) -> Request:
    """Return a request of code 320; its fields have the short names of RocketMQ's second header."""
    fields = {
        "a": "tests",  # producer group
        "b": topic,
        "c": "TBW102",  # where a topic that is made by sending would take its settings from
        "d": 4,
        "e": queue,
        "f": 0,  # flags of the system
        "g": int(time.time() * 1000),  # born
        "h": 0,  # flags of the user
        "i": "",  # properties: each message has its own
        "j": 0,  # attempts
        "k": False,
        "m": True,  # a batch
    }
    return Request(320, fields, b"".join(stored))
