"""Codes of RocketMQ and states of gRPC become what the flow can react to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import trustme

from eventing_alibaba.contract.errors import (
    Disconnected,
    Misconfigured,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.sources.rocketmq import errors
from eventing_alibaba.sources.rocketmq.diagnosis import Cause, look
from eventing_alibaba.sources.rocketmq.errors import Names, Refused, Unreached
from eventing_alibaba.sources.rocketmq.link import Encryption
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

_NAMES = Names("proxy:8081", "orders", "service", "rmq-cn-a", "a = = 1")


@pytest.mark.parametrize(
    ("code", "text", "reaction", "told"),
    [
        (pb.TOPIC_NOT_FOUND, "", Unavailable, "no topic orders in the namespace rmq-cn-a"),
        (pb.CONSUMER_GROUP_NOT_FOUND, "", Unavailable, "no consumer group service"),
        (pb.ILLEGAL_FILTER_EXPRESSION, "", Misconfigured, "'a = = 1'"),
        (
            pb.INTERNAL_SERVER_ERROR,
            "parse the consumer's subscription failed",
            Misconfigured,
            "spec.filter.expression",
        ),
        (
            pb.ILLEGAL_FILTER_EXPRESSION,
            "The broker does not support consumer to filter message by SQL92",
            Unavailable,
            "enablePropertyFilter",
        ),
        (pb.ILLEGAL_INVISIBLE_TIME, "", Misconfigured, "spec.invisibleDuration"),
        (pb.UNAUTHORIZED, "", Unauthorized, "spec.auth.password"),
        (pb.FORBIDDEN, "", Unauthorized, "right to subscribe"),
        (pb.UNAUTHORIZED, "User:a has no permission to", Unauthorized, "right to subscribe"),
        (pb.TOO_MANY_REQUESTS, "", Throttled, "too many requests"),
        (pb.INTERNAL_SERVER_ERROR, "", Disconnected, "internal error"),
        (pb.UNRECOGNIZED_CLIENT_TYPE, "", Disconnected, "settings"),
        (59_999, "odd", Disconnected, "59999: odd"),
        (40_999, "odd", Unavailable, "40999: odd"),
    ],
)
def test_a_code_has_a_reaction(
    code: int, text: str, reaction: type[SourceError], told: str
) -> None:
    """And a sentence that names what to change."""
    found = errors.signal(Refused(code, text), _NAMES)
    assert type(found) is reaction
    assert told in str(found)


@pytest.mark.parametrize(
    ("status", "reaction", "told"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, Disconnected, "does not answer in time"),
        (grpc.StatusCode.UNAVAILABLE, Disconnected, "cannot be reached"),
        (grpc.StatusCode.UNIMPLEMENTED, Unavailable, "no proxy of RocketMQ 5"),
        (grpc.StatusCode.UNAUTHENTICATED, Unauthorized, "spec.auth.username"),
        (grpc.StatusCode.PERMISSION_DENIED, Unauthorized, "right to subscribe"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Throttled, "limits requests"),
        (grpc.StatusCode.DATA_LOSS, Disconnected, "DATA_LOSS"),
    ],
)
def test_a_state_of_grpc_has_a_reaction(
    status: grpc.StatusCode, reaction: type[SourceError], told: str
) -> None:
    """Also where RocketMQ said nothing."""
    found = errors.signal(Unreached(status, "proxy:8081", "details"), _NAMES)
    assert type(found) is reaction
    assert told in str(found)


def test_a_port_that_nobody_listens_at_is_named() -> None:
    """Refused connections are told apart from all else."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        cause = look(f"127.0.0.1:{unused.getsockname()[1]}", Encryption())
    assert cause is not None
    assert cause.reason == "CannotConnect"
    assert "nobody listens" in cause.text


def test_a_host_that_there_is_not_is_named() -> None:
    """A name that does not resolve."""
    cause = look("nowhere.invalid:8081", Encryption())
    assert cause is not None
    assert cause.reason == "HostNotFound"


def test_tls_against_plain_and_plain_against_tls_are_told_apart(tmp_path: Path) -> None:
    """Each way round, an unknown authority, and what is well."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    trusted = Encryption(True, authority.cert_pem.bytes())
    unknown = Encryption(True, trustme.CA().cert_pem.bytes())
    with EmulatorProcess() as plain, EmulatorProcess(tls=(certificate, key)) as encrypted:
        assert look(plain.endpoints, Encryption()) is None
        assert look(encrypted.endpoints, trusted) is None
        found = [
            look(plain.endpoints, trusted),
            look(encrypted.endpoints, Encryption()),
            look(encrypted.endpoints, unknown),
        ]
    assert [cause and cause.reason for cause in found] == ["TlsRefused", "TlsExpected", "TlsFailed"]


def _looked_at(serve: Callable[[socket.socket], None]) -> Cause | None:
    """Look at a port where `serve` has the listening socket, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        cause = look(endpoint, Encryption())
        thread.join()
    return cause


def test_a_proxy_that_is_going_away_is_not_taken_for_one_with_tls() -> None:
    """Its kernel still accepts a connection and hangs up; then nobody listens any more."""

    def go_away(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        listener.close()
        connection.close()

    cause = _looked_at(go_away)
    assert cause is not None
    assert cause.reason == "CannotConnect"


def test_what_is_no_grpc_is_said() -> None:
    """Another protocol at that port, such as the name server's."""

    def answer(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with taken:
            taken.recv(100)
            taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    cause = _looked_at(answer)
    assert cause is not None
    assert cause.reason == "NotGrpc"
