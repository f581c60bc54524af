"""Why a proxy cannot be reached. gRPC says "unavailable" to all of it.

So where a connection fails, the way is gone once more by hand: name, port, and what whoever listens
there speaks. Nothing is sent but the first bytes of a handshake: TLS where TLS is wanted, else the
preface of HTTP/2. Runs in a thread, as names and sockets block; a cause that is found is kept for
some seconds, since a proxy that is away is asked for several times a second.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from eventing_alibaba.sources.rocketmq import errors
from eventing_alibaba.sources.rocketmq.errors import Names, Refused, Unreached

if TYPE_CHECKING:
    from eventing_alibaba.contract.errors import SourceError
    from eventing_alibaba.sources.rocketmq.connecting import Way
    from eventing_alibaba.sources.rocketmq.link import Encryption

_PATIENCE: Final = 2.0
_KEPT: Final = 3.0
_AGAIN: Final = 0.3
_HUNG_UP: Final = frozenset({"TlsExpected", "TlsRefused"})
_LOOKED_INTO: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL}
)
# RFC 9113, 3.4: what a client begins with, and an empty SETTINGS frame.
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_SETTINGS: Final = 4
# RFC 8446, 5.1: the first byte of a record is its kind, the second 3.
_TLS_RECORDS: Final = frozenset({0x15, 0x16})
# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET, _EXPIRED = 9, 10
_NAME, _ADDRESS = 62, 64
_UNKNOWN: Final = frozenset({2, 18, 19, 20, 21})


@dataclass(slots=True, frozen=True)
class Cause:
    """Why, as a sentence and as a word."""

    text: str
    reason: str


class Diagnosis:
    """Turns failures of one source into what the flow is told."""

    def __init__(self, way: Way, names: Names) -> None:
        self._way = way
        self._names = names
        self._known: dict[str, tuple[float, Cause | None]] = {}
        self._looking: dict[str, asyncio.Task[Cause | None]] = {}

    async def explain(self, error: Refused | Unreached) -> SourceError:
        """Return the signal for `error`; what gRPC does not tell is found out."""
        if isinstance(error, Unreached) and error.reason is None and error.status in _LOOKED_INTO:
            cause = await self._cause(error.endpoint)
            if cause is not None:
                error = Unreached(error.status, error.endpoint, cause.text, cause.reason)
        return errors.signal(error, self._names)

    async def _cause(self, endpoint: str) -> Cause | None:
        found = self._known.get(endpoint)
        if found is not None and found[0] > time.monotonic():
            return found[1]
        looking = self._looking.get(endpoint)
        if looking is None:
            looking = asyncio.create_task(self._look(endpoint), name=f"look into {endpoint}")
            self._looking[endpoint] = looking
        return await asyncio.shield(looking)

    async def _look(self, endpoint: str) -> Cause | None:
        try:
            cause = await asyncio.to_thread(look, endpoint, self._way.encryption)
        finally:
            self._looking.pop(endpoint, None)
        self._known[endpoint] = (time.monotonic() + _KEPT, cause)
        return cause


def look(endpoints: str, encryption: Encryption) -> Cause | None:
    """Return why the first of `endpoints` cannot be reached; None where it can. Blocks."""
    endpoint = endpoints.partition(";")[0]
    cause = _look_once(endpoint, encryption)
    if cause is not None and cause.reason in _HUNG_UP:
        # A proxy that is just going away hangs up, too; a moment later it no longer listens.
        time.sleep(_AGAIN)
        cause = _look_once(endpoint, encryption)
    return cause


def _look_once(endpoint: str, encryption: Encryption) -> Cause | None:
    host, _, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        plain = socket.create_connection((host, int(port)), timeout=_PATIENCE)
    except socket.gaierror:
        return Cause(
            f"the host name {host} cannot be resolved; check spec.endpoints", "HostNotFound"
        )
    except ConnectionRefusedError:
        return Cause(f"nobody listens at {endpoint}; check spec.endpoints", "CannotConnect")
    except TimeoutError:
        return Cause(
            f"{endpoint} does not accept connections; check spec.endpoints and what is between",
            "CannotConnect",
        )
    except OSError as error:
        return Cause(
            f"{endpoint} cannot be connected to ({error.strerror}); check spec.endpoints",
            "CannotConnect",
        )
    with plain:
        plain.settimeout(_PATIENCE)
        if encryption.enable:
            return _tls(plain, endpoint, encryption.name or host, encryption)
        return _plain(plain, endpoint)


def _plain(plain: socket.socket, endpoint: str) -> Cause | None:
    try:
        plain.sendall(_PREFACE)
        answer = plain.recv(16)
    except TimeoutError:
        return Cause(f"{endpoint} accepts connections, but does not answer", "NoAnswer")
    except OSError:
        answer = b""
    if len(answer) > 3 and answer[3] == _SETTINGS and answer[0] == 0:
        return None
    if not answer or (answer[0] in _TLS_RECORDS and answer[1:2] == b"\x03"):
        return Cause(
            f"{endpoint} hangs up on a connection without TLS; set spec.tls.enable: true, or check"
            " the port in spec.endpoints",
            "TlsExpected",
        )
    return Cause(
        f"{endpoint} does not speak gRPC; spec.endpoints must name the gRPC port of RocketMQ's"
        " proxy (8081; for Alibaba Cloud 8080), not of a name server or broker",
        "NotGrpc",
    )


def _tls(plain: socket.socket, endpoint: str, name: str, encryption: Encryption) -> Cause | None:
    own = encryption.authorities
    try:
        context = ssl.create_default_context(cadata=None if own is None else own.decode())
    except (ssl.SSLError, ValueError):
        return Cause("spec.tls.caCert holds no certificate in PEM", "BadCertificate")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # gRPC does not insist on these either
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(plain, server_hostname=name) as encrypted:
            if encrypted.selected_alpn_protocol() != "h2":
                return Cause(
                    f"{endpoint} speaks TLS, but not gRPC; check spec.endpoints", "NotGrpc"
                )
            return None
    except ssl.SSLCertVerificationError as error:
        return Cause(_refused(endpoint, name, error), "TlsFailed")
    except TimeoutError:
        return Cause(f"{endpoint} accepts connections, but does not answer", "NoAnswer")
    except (OSError, ValueError):
        return Cause(
            f"{endpoint} does not speak TLS; set spec.tls.enable: false, or check the port in"
            " spec.endpoints",
            "TlsRefused",
        )


def _refused(endpoint: str, name: str, error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code in (_NAME, _ADDRESS):
        return (
            f"the certificate of {endpoint} is not for {name}; write a name that is in the"
            " certificate into spec.endpoints"
        )
    if code in (_EXPIRED, _NOT_YET):
        when = "has expired" if code == _EXPIRED else "is not valid yet"
        return f"the certificate of {endpoint} {when}; renew it, or set this machine's clock"
    if code in _UNKNOWN:
        return (
            f"the certificate of {endpoint} is signed by an authority that is not trusted; put its"
            " certificate into spec.tls.caCert"
        )
    return f"the certificate of {endpoint} is not accepted: {error.verify_message}"
