"""The protocol by hand: what a broker and proxy really do, without the client under test."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.message import Message as Proto

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

_SERVICE: Final = "/apache.rocketmq.v2.MessagingService/"
_PATIENCE: Final = 10.0
_POLL: Final = 5.0
"""Seconds of a long poll, the shortest that the proxy takes."""


class Raw:
    """A simple consumer of one topic that has told its settings; blocks."""

    def __init__(self, endpoint: str, topic: str, group: str, *, expression: str = "*") -> None:
        self._channel = grpc.insecure_channel(endpoint)
        # The proxy forgets a client whose stream has ended, so this one waits for its end.
        self._told: SimpleQueue[Any] = SimpleQueue()
        self._metadata = (
            ("x-mq-client-id", f"raw@{uuid.uuid4().hex}"),
            ("x-mq-language", "PYTHON"),
            ("x-mq-protocol", "v2"),
            ("x-mq-client-version", "5.0.0"),
        )
        self.topic = pb.Resource(name=topic)
        self.group = pb.Resource(name=group)
        self.filter = pb.FilterExpression(type=pb.TAG, expression=expression)
        self.settings = self._telemetry()
        self.queues = list(
            self.call(
                "QueryRoute", pb.QueryRouteRequest(topic=self.topic), pb.QueryRouteResponse
            ).message_queues
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._told.put(None)
        self._channel.close()

    def call(self, name: str, request: Proto, answer: type[Any]) -> Any:
        """Make a call that has one answer."""
        method = self._channel.unary_unary(
            _SERVICE + name,
            request_serializer=lambda asked: asked.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return method(request, metadata=self._metadata, timeout=_PATIENCE)

    def receive(
        self, count: int = 32, *, invisible: float = 10.0, attempt: str | None = None
    ) -> tuple[int, list[Any]]:
        """Poll once; return the status code and the messages."""
        request = pb.ReceiveMessageRequest(
            group=self.group,
            message_queue=self.queues[0],
            filter_expression=self.filter,
            batch_size=count,
            attempt_id=attempt,
        )
        request.invisible_duration.FromMilliseconds(int(invisible * 1000))
        request.long_polling_timeout.FromMilliseconds(int(_POLL * 1000))
        method = self._channel.unary_stream(
            _SERVICE + "ReceiveMessage",
            request_serializer=lambda asked: asked.SerializeToString(),
            response_deserializer=pb.ReceiveMessageResponse.FromString,
        )
        code, found = 0, []
        for part in method(request, metadata=self._metadata, timeout=_POLL + _PATIENCE):
            if part.HasField("message"):
                found.append(part.message)
            elif part.HasField("status"):
                code = part.status.code
        return code, found

    def take(self, count: int) -> list[Any]:
        """Receive until there are at least `count` messages. Raises TimeoutError."""
        taken: list[Any] = []
        for _ in range(6 + count):
            taken += self.receive()[1]
            if len(taken) >= count:
                return taken
        raise TimeoutError(f"{len(taken)} of {count} messages came")

    def ack(self, messages: Sequence[Any]) -> Any:
        """Acknowledge; return the answer."""
        entries = [
            pb.AckMessageEntry(
                message_id=m.system_properties.message_id,
                receipt_handle=m.system_properties.receipt_handle,
            )
            for m in messages
        ]
        request = pb.AckMessageRequest(group=self.group, topic=self.topic, entries=entries)
        return self.call("AckMessage", request, pb.AckMessageResponse)

    def change(self, message: Any, seconds: float) -> Any:
        """Change the invisible duration; return the answer."""
        request = pb.ChangeInvisibleDurationRequest(
            group=self.group,
            topic=self.topic,
            receipt_handle=message.system_properties.receipt_handle,
            message_id=message.system_properties.message_id,
        )
        request.invisible_duration.FromMilliseconds(int(seconds * 1000))
        return self.call("ChangeInvisibleDuration", request, pb.ChangeInvisibleDurationResponse)

    def _telemetry(self) -> Any:
        command = pb.TelemetryCommand()
        told = command.settings
        told.client_type = pb.SIMPLE_CONSUMER
        told.request_timeout.FromMilliseconds(3000)
        told.subscription.group.CopyFrom(self.group)
        told.subscription.long_polling_timeout.FromMilliseconds(int(_POLL * 1000))
        told.subscription.subscriptions.add(topic=self.topic, expression=self.filter)
        method = self._channel.stream_stream(
            _SERVICE + "Telemetry",
            request_serializer=lambda asked: asked.SerializeToString(),
            response_deserializer=pb.TelemetryCommand.FromString,
        )
        self._told.put(command)
        return next(method(iter(self._told.get, None), metadata=self._metadata)).settings
