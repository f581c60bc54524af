"""One proxy: a channel of gRPC for calls, a connection of our own for polls.

The service is called by path and with our own messages, so nothing is generated but those. Calls
return RocketMQ's answer, or raise Refused where its status is no success and Unreached where it
did not answer. Each has a deadline.

Where a route tells only addresses, TLS checks the certificate against the name that the user wrote
for the access point: the addresses came from there, and certificates seldom hold any.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from eventing_alibaba.contract.clock import now
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.sources.rocketmq.stream import Answer, Broken, Connection, connect

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.endpoints import Endpoints
    from eventing_alibaba.sources.rocketmq.signing import Signer

_SERVICE: Final = "/apache.rocketmq.v2.MessagingService/"
_RECEIVE: Final = _SERVICE + "ReceiveMessage"
CALL_SECONDS: Final = 3.0
"""Deadline of calls that do not wait for messages."""
_LARGEST: Final = 64 * 1024 * 1024
_GRACE: Final = 30.0
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _LARGEST),
    ("grpc.max_send_message_length", _LARGEST),
    # HTTP_PROXY is for the sink; brokers are reached directly.
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # One's own connection for each client: one that is bad is not shared by others.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(slots=True, frozen=True)
class Encryption:
    """TLS, or none.

    Attributes:
        enable: whether there is any.
        authorities: PEM; None = the system's.
        name: to check certificates of bare addresses against.
    """

    enable: bool = False
    authorities: bytes | None = None
    name: str | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return what OpenSSL needs; None = no TLS. Raises ValueError where PEM is none."""
        if not self.enable:
            return None
        given = self.authorities
        context = ssl.create_default_context(cadata=None if given is None else given.decode())
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # gRPC does not insist on these either
        context.set_alpn_protocols(["h2"])
        return context


class Link:
    """The way to one proxy; made on the event loop, connects when it is first used.

    Attributes:
        endpoints: where it is.
        closed: it may not be used any more.
    """

    def __init__(self, endpoints: Endpoints, signer: Signer, encryption: Encryption) -> None:
        self.endpoints = endpoints
        self.closed = False
        self._signer = signer
        self._encryption = encryption
        self._leaving: set[asyncio.Task[None]] = set()
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._connect()

    def __repr__(self) -> str:
        return f"<Link {self.endpoints}{' closed' if self.closed else ''}>"

    def _connect(self) -> None:
        options: list[tuple[str, Any]] = list(_OPTIONS)
        target = self.endpoints.target
        if not self._encryption.enable:
            channel = grpc.aio.insecure_channel(target, options=options)
        else:
            if self.endpoints.named is None and self._encryption.name is not None:
                options.append(("grpc.ssl_target_name_override", self._encryption.name))
            credentials = grpc.ssl_channel_credentials(self._encryption.authorities)
            channel = grpc.aio.secure_channel(target, credentials, options=options)
        self._channel = channel

        def unary(name: str, request: Any, response: Any) -> Any:
            return channel.unary_unary(
                _SERVICE + name, request.SerializeToString, response.FromString
            )

        self._route = unary("QueryRoute", pb.QueryRouteRequest, pb.QueryRouteResponse)
        self._heartbeat = unary("Heartbeat", pb.HeartbeatRequest, pb.HeartbeatResponse)
        self._send = unary("SendMessage", pb.SendMessageRequest, pb.SendMessageResponse)
        self._ack = unary("AckMessage", pb.AckMessageRequest, pb.AckMessageResponse)
        self._change = unary(
            "ChangeInvisibleDuration",
            pb.ChangeInvisibleDurationRequest,
            pb.ChangeInvisibleDurationResponse,
        )
        self._forward = unary(
            "ForwardMessageToDeadLetterQueue",
            pb.ForwardMessageToDeadLetterQueueRequest,
            pb.ForwardMessageToDeadLetterQueueResponse,
        )
        self._terminate = unary(
            "NotifyClientTermination",
            pb.NotifyClientTerminationRequest,
            pb.NotifyClientTerminationResponse,
        )
        self._telemetry = channel.stream_stream(
            _SERVICE + "Telemetry",
            pb.TelemetryCommand.SerializeToString,
            pb.TelemetryCommand.FromString,
        )

    def reconnect(self) -> None:
        """Make a new channel; calls that are under way finish on the old one."""
        old = self._channel
        self._connect()
        if self._connection is not None:
            self._connection.leave()
        leaving = asyncio.create_task(old.close(_GRACE), name="leave a channel")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close all connections; what is under way fails. Idempotent."""
        self.closed = True
        for leaving in self._leaving:
            leaving.cancel()
        if self._connection is not None:
            self._connection.close()
        await self._channel.close()

    async def route(self, request: pb.QueryRouteRequest) -> pb.QueryRouteResponse:
        """Ask where a topic is."""
        answer: pb.QueryRouteResponse = await self._called(self._route, request)
        return answer

    async def heartbeat(self, request: pb.HeartbeatRequest) -> None:
        """Say that the client lives."""
        await self._called(self._heartbeat, request)

    async def send(self, request: pb.SendMessageRequest) -> pb.SendMessageResponse:
        """Send messages; the answer has a status for each."""
        answer: pb.SendMessageResponse = await self._answered(self._send, request, 10.0)
        return answer

    async def ack(self, request: pb.AckMessageRequest) -> pb.AckMessageResponse:
        """Acknowledge messages; the answer has a status for each, or only one."""
        answer: pb.AckMessageResponse = await self._answered(self._ack, request, CALL_SECONDS)
        return answer

    async def change(
        self, request: pb.ChangeInvisibleDurationRequest
    ) -> pb.ChangeInvisibleDurationResponse:
        """Change how long a message is invisible; the answer has its new handle."""
        answer: pb.ChangeInvisibleDurationResponse = await self._called(self._change, request)
        return answer

    async def forward(self, request: pb.ForwardMessageToDeadLetterQueueRequest) -> None:
        """Have a message put into the group's dead-letter topic."""
        await self._called(self._forward, request)

    async def terminate(self, request: pb.NotifyClientTerminationRequest) -> None:
        """Say that the client is no more; it does not matter whether that is heard."""
        with contextlib.suppress(Refused, Unreached):
            await self._called(self._terminate, request, 1.0)

    async def receive(self, request: pb.ReceiveMessageRequest, timeout: float) -> Answer:
        """Poll; return what came, also where the poll broke in the middle.

        Raises Unreached where there is no connection. Cancelling ends the poll.
        """
        if self.closed:
            raise Unreached(grpc.StatusCode.CANCELLED, str(self.endpoints), "it is closed")
        metadata = (("grpc-timeout", f"{int(timeout * 1000)}m"), *self._signer.metadata())
        async with self._connecting:
            connection = self._connection
            if connection is None or not connection.usable:
                connection = self._connection = await self._connected()
        try:
            answer = connection.begin(_RECEIVE, metadata, request.SerializeToString())
        except Broken as error:
            connection.leave()
            raise Unreached(error.status, str(self.endpoints), error.text) from error
        try:
            async with asyncio.timeout(timeout):
                await answer.ended
        except TimeoutError:
            connection.cancel(answer)
            connection.leave()  # whoever does not answer in time gets a new connection
            answer.error = Broken(grpc.StatusCode.DEADLINE_EXCEEDED, "it does not answer in time")
        except asyncio.CancelledError:
            connection.cancel(answer)
            raise
        return answer

    async def _connected(self) -> Connection:
        """Open a connection for polls to the first address that takes one. Raises Unreached."""
        failure = ""
        for host, port in self.endpoints.addresses:
            name = self._encryption.name or host
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    return await connect(
                        host, port, tls=self._encryption.context(), name=name, now=now
                    )
            except (OSError, TimeoutError, ValueError) as error:
                failure = failure or type(error).__name__
        raise Unreached(grpc.StatusCode.UNAVAILABLE, str(self.endpoints), failure)

    def broken(self, error: Broken) -> Unreached:
        """Return what to raise for a poll that broke."""
        if error.status in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            self._signer.refused()
        return Unreached(error.status, str(self.endpoints), error.text)

    def telemetry(self) -> Any:
        """Begin the stream of settings and commands."""
        return self._telemetry(metadata=self._signer.metadata())

    def failure(self, error: grpc.aio.AioRpcError) -> Unreached:
        """Return what to raise for an error of gRPC."""
        status = error.code()
        if status in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            self._signer.refused()
        return Unreached(status, str(self.endpoints), error.details() or "")

    async def _called(self, call: Any, request: Any, timeout: float = CALL_SECONDS) -> Any:
        answer = await self._answered(call, request, timeout)
        if answer.status.code != pb.OK:
            raise self.refusal(answer.status)
        return answer

    async def _answered(self, call: Any, request: Any, timeout: float) -> Any:
        if self.closed:
            raise Unreached(grpc.StatusCode.CANCELLED, str(self.endpoints), "it is closed")
        try:
            return await call(request, timeout=timeout, metadata=self._signer.metadata())
        except grpc.aio.AioRpcError as error:
            raise self.failure(error) from error
        except grpc.aio.UsageError as error:  # the channel was closed meanwhile
            raise Unreached(
                grpc.StatusCode.CANCELLED, str(self.endpoints), "it is closed"
            ) from error

    def refusal(self, status: pb.Status) -> Refused:
        """Return what to raise for a status that is no success."""
        if status.code in (pb.UNAUTHORIZED, pb.FORBIDDEN):
            self._signer.refused()
        return Refused(status.code, status.message)
