"""A client of RocketMQ's gRPC interface that does only what it is told, one RPC a call.

It shares the definitions of the messages with the emulator, and nothing else; it is as good a
client of a real proxy.
"""

from __future__ import annotations

import asyncio
import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

SERVICE: Final = "/apache.rocketmq.v2.MessagingService/"
_DATE: Final = "%Y%m%dT%H%M%SZ"


def seconds(value: float) -> Duration:
    """Return a duration."""
    return Duration(seconds=int(value), nanos=round(value % 1 * 1e9))


class Speaker:
    """A client of one endpoint, `async with`.

    Args:
        endpoint: host:port.
        group: of the consumer.
        key, secret: it signs with; None = it does not.
        metadata: in place of, or besides, what it would send; None takes one away.
        credentials: of TLS.
    """

    def __init__(
        self,
        endpoint: str,
        group: str = "g",
        *,
        key: str | None = "test",
        secret: str = "test",
        metadata: dict[str, str | None] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        namespace: str = "",
    ) -> None:
        self.group = group
        self.client = f"speaker@{uuid.uuid4().hex}"
        self.namespace = namespace
        self._endpoint = endpoint
        self._key = key
        self._secret = secret
        self._metadata = metadata or {}
        self._credentials = credentials
        self._numbers = 0

    async def __aenter__(self) -> Self:
        options = (("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1))
        if self._credentials is None:
            self.channel = grpc.aio.insecure_channel(self._endpoint, options)
        else:
            self.channel = grpc.aio.secure_channel(self._endpoint, self._credentials, options)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.channel.close()

    def resource(self, name: str) -> pb.Resource:
        """Return a name as the service wants it."""
        return pb.Resource(name=name, resource_namespace=self.namespace)

    async def ask(self, rpc: str, request: Any, timeout: float | None = 10.0) -> Any:
        """Make a call with one answer."""
        response = getattr(pb, f"{rpc}Response")
        call = self.channel.unary_unary(
            SERVICE + rpc,
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        return await call(request, metadata=self.metadata(), timeout=timeout)

    def metadata(self) -> list[tuple[str, str]]:
        """Return what goes with a request."""
        date = time.strftime(_DATE, time.gmtime())
        said: dict[str, str | None] = {
            "x-mq-client-id": self.client,
            "x-mq-language": "PYTHON",
            "x-mq-client-version": "5.0.8",
            "x-mq-protocol": "v2",
            "x-mq-request-id": str(uuid.uuid4()),
            "x-mq-date-time": date,
        }
        if self._key is not None:
            signature = hmac.new(self._secret.encode(), date.encode(), "sha1").hexdigest()
            said["authorization"] = (
                f"MQv2-HMAC-SHA1 Credential={self._key}, SignedHeaders=x-mq-date-time, "
                f"Signature={signature}"
            )
        said |= self._metadata
        return [(name, value) for name, value in said.items() if value is not None]

    def settings(self, *topics: str, kind: str = "SIMPLE_CONSUMER") -> pb.TelemetryCommand:
        """Return what a client says of itself."""
        settings = pb.Settings(client_type=kind, request_timeout=seconds(3))
        if kind == "PRODUCER":
            settings.publishing.topics.extend(self.resource(topic) for topic in topics)
            settings.publishing.max_body_size = 1
        else:
            settings.subscription.group.CopyFrom(self.resource(self.group))
            for topic in topics:
                entry = settings.subscription.subscriptions.add()
                entry.topic.CopyFrom(self.resource(topic))
                entry.expression.type = pb.FilterType.TAG
                entry.expression.expression = "*"
        return pb.TelemetryCommand(settings=settings)

    def telemetry(self) -> Any:
        """Open a telemetry stream."""
        call = self.channel.stream_stream(
            SERVICE + "Telemetry",
            request_serializer=pb.TelemetryCommand.SerializeToString,
            response_deserializer=pb.TelemetryCommand.FromString,
        )
        return call(metadata=self.metadata())

    async def introduce(self, *topics: str, kind: str = "SIMPLE_CONSUMER") -> pb.TelemetryCommand:
        """Say who this is, and return the service's settings; the stream stays open."""
        self.line = self.telemetry()
        await self.line.write(self.settings(*topics, kind=kind))
        return await asyncio.wait_for(self.line.read(), 10)

    async def route(self, topic: str) -> pb.QueryRouteResponse:
        """Ask where a topic is."""
        request = pb.QueryRouteRequest(topic=self.resource(topic))
        host, _, port = self._endpoint.rpartition(":")
        request.endpoints.scheme = pb.AddressScheme.IPv4
        request.endpoints.addresses.add(host=host, port=int(port))
        return await self.ask("QueryRoute", request)  # type: ignore[no-any-return]

    def message(self, topic: str, body: str = "x", **system: Any) -> pb.Message:
        """Return a message; `properties` are the user's, `delay` is in seconds."""
        self._numbers += 1
        properties = system.pop("properties", {})
        delay = system.pop("delay", None)
        message = pb.Message(topic=self.resource(topic), body=body.encode())
        message.user_properties.update(properties)
        given = message.system_properties
        given.message_id = f"{uuid.uuid4().hex.upper()}"
        given.body_encoding = pb.Encoding.IDENTITY
        given.born_timestamp.FromMilliseconds(int(time.time() * 1000))
        given.born_host = "here"
        given.message_type = pb.MessageType.NORMAL
        if delay is not None:
            given.message_type = pb.MessageType.DELAY
            at = Timestamp()
            at.FromMilliseconds(int((time.time() + delay) * 1000))
            given.delivery_timestamp.CopyFrom(at)
        if "message_group" in system:
            given.message_type = pb.MessageType.FIFO
        for name, value in system.items():
            if name == "keys":
                given.keys.extend(value)
            else:
                setattr(given, name, value)
        return message

    async def send(self, topic: str, body: str = "x", **system: Any) -> pb.SendMessageResponse:
        """Send one message."""
        request = pb.SendMessageRequest(messages=[self.message(topic, body, **system)])
        return await self.ask("SendMessage", request)  # type: ignore[no-any-return]

    def wish(
        self,
        topic: str,
        limit: int = 32,
        *,
        invisible: float = 30,
        poll: float | None = 5,
        tags: str = "*",
        sql: str | None = None,
        broker: str = "",
        renew: bool = False,
        attempt: str | None = None,
    ) -> pb.ReceiveMessageRequest:
        """Return a request for messages."""
        request = pb.ReceiveMessageRequest(
            group=self.resource(self.group),
            batch_size=limit,
            invisible_duration=seconds(invisible),
            auto_renew=renew,
        )
        request.message_queue.topic.CopyFrom(self.resource(topic))
        request.message_queue.broker.name = broker
        request.filter_expression.type = pb.FilterType.TAG if sql is None else pb.FilterType.SQL
        request.filter_expression.expression = tags if sql is None else sql
        if poll is not None:
            request.long_polling_timeout.CopyFrom(seconds(poll))
        if attempt is not None:
            request.attempt_id = attempt
        return request

    async def ask_for(
        self, request: pb.ReceiveMessageRequest, timeout: float | None = 30
    ) -> list[pb.ReceiveMessageResponse]:
        """Receive; return all parts of the answer."""
        call = self.channel.unary_stream(
            SERVICE + "ReceiveMessage",
            request_serializer=pb.ReceiveMessageRequest.SerializeToString,
            response_deserializer=pb.ReceiveMessageResponse.FromString,
        )
        return [part async for part in call(request, metadata=self.metadata(), timeout=timeout)]

    async def receive(self, topic: str, limit: int = 32, **how: Any) -> list[pb.Message]:
        """Receive; return the messages, [] where there were none in time."""
        parts = await self.ask_for(self.wish(topic, limit, **how))
        status = parts[0].status
        assert status.code in (pb.Code.OK, pb.Code.MESSAGE_NOT_FOUND), status
        return [part.message for part in parts if part.HasField("message")]

    async def ack(self, topic: str, messages: Sequence[pb.Message | str]) -> pb.AckMessageResponse:
        """Acknowledge messages, or handles."""
        request = pb.AckMessageRequest(group=self.resource(self.group), topic=self.resource(topic))
        for one in messages:
            entry = request.entries.add(message_id="?")
            if isinstance(one, str):
                entry.receipt_handle = one
            else:
                entry.message_id = one.system_properties.message_id
                entry.receipt_handle = one.system_properties.receipt_handle
        return await self.ask("AckMessage", request)  # type: ignore[no-any-return]

    async def change(
        self, topic: str, handle: str, invisible: float
    ) -> pb.ChangeInvisibleDurationResponse:
        """Hide a message for another time."""
        request = pb.ChangeInvisibleDurationRequest(
            group=self.resource(self.group),
            topic=self.resource(topic),
            receipt_handle=handle,
            message_id="?",
            invisible_duration=seconds(invisible),
        )
        return await self.ask("ChangeInvisibleDuration", request)  # type: ignore[no-any-return]


def handle(message: pb.Message) -> str:
    """Return a message's receipt handle."""
    return message.system_properties.receipt_handle


def bodies(messages: Sequence[pb.Message]) -> list[str]:
    """Return the messages' bodies."""
    return [message.body.decode() for message in messages]


def attempts(messages: Sequence[pb.Message]) -> list[int]:
    """Return which delivery of each message this is."""
    return [message.system_properties.delivery_attempt for message in messages]


async def until(holds: Callable[[], object]) -> None:
    """Let the loop run until something holds that another task brings about."""
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError("it did not come about within 10 s")
