"""The gRPC server of one proxy: the service by its path, on a port that it keeps.

The service is named by path only, with our own subset of the messages, so an official client can
live in the same process without its definitions and ours meeting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.desk import OPERATIONS, Desk
from eventing_alibaba.testing.emulators.rocketmq.telemetry import Telemetry

SERVICE: Final = "apache.rocketmq.v2.MessagingService"

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(slots=True, frozen=True)
class Certificate:
    """What a server shows: its certificate chain and key, both PEM."""

    chain: bytes
    key: bytes


class Server:
    """Listens while it is started; can be started and stopped again and again.

    Attributes:
        host, port: where; port 0 becomes a free one with the first start.
        desk: answers.
        telemetry: the streams.
    """

    def __init__(self, desk: Desk, *, host: str, port: int, tls: Certificate | None) -> None:
        self.host = host
        self.port = port
        self.desk = desk
        self.telemetry = Telemetry(desk)
        self._tls = tls
        self._server: grpc.aio.Server | None = None

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def start(self) -> None:
        """Listen. Raises OSError where the address cannot be bound."""
        if self._server is not None:
            return
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((self._handlers(),))
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"{host}:{self.port}"
        try:
            if self._tls is None:
                self.port = server.add_insecure_port(address)
            else:
                pair = [(self._tls.key, self._tls.chain)]
                credentials = grpc.ssl_server_credentials(pair)
                self.port = server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: is the port taken?") from error
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Cut all connections and listen no more. Idempotent."""
        if self._server is not None:
            server, self._server = self._server, None
            self.telemetry.lines.clear()
            await server.stop(None)

    def _handlers(self) -> grpc.GenericRpcHandler:
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                self.desk.answer(name), request_deserializer=operation.request.FromString
            )
            for name, operation in OPERATIONS.items()
        }
        handlers["ReceiveMessage"] = grpc.unary_stream_rpc_method_handler(
            self.desk.receive, request_deserializer=pb.ReceiveMessageRequest.FromString
        )
        handlers["Telemetry"] = grpc.stream_stream_rpc_method_handler(self.telemetry.serve)
        return grpc.method_handlers_generic_handler(SERVICE, handlers)
