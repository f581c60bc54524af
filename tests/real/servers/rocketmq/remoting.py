"""RocketMQ's older protocol, as far as administering a broker and writing into it needs it.

RocketMQ's own admin command starts a Java machine of three seconds for each call, and gRPC has no
calls for topics and groups. So this speaks the broker's binary protocol: a frame is its length, the
length of a JSON header (its top byte 0 says JSON), the header, and a body. The header has a request
code, a number that the answer repeats, and text fields. Frames may be sent ahead of their answers,
which come in any order.

A broker that is busy refuses what waited too long, and has not done it; that is asked again here,
as RocketMQ's own clients do. Where access is controlled a request carries the user's name and a
signature: HMAC-SHA1 of the values of its fields, in the order of their names, and of the body.
"""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from tests.real.servers.rocketmq.settings import Login

SUCCESS: Final = 0
_BUSY: Final = 2
_PATIENCE: Final = 30.0
"""Seconds for which a busy broker is asked again."""
_PAUSE: Final = 0.2
_VERSION: Final = 477
"""A version since which answers are JSON in the strict sense."""

_LENGTHS: Final = struct.Struct(">ii")
_AHEAD: Final = 64
"""Requests without an answer yet: enough to keep a broker busy, few enough for any buffer."""


class RefusedError(RuntimeError):
    """A broker or name server did not do what it was asked; the message has its words."""


@dataclass(slots=True)
class Request:
    """What is asked: one of RocketMQ's request codes, its fields, and a body."""

    code: int
    fields: Mapping[str, Any]
    body: bytes = b""


@dataclass(slots=True)
class Answer:
    """What was answered: a response code (0 = done), words about it, fields, and a body."""

    code: int
    remark: str
    fields: dict[str, str]
    body: bytes


class Connection:
    """One connection to a broker or name server; blocks; used as a context manager."""

    def __init__(self, port: int, *, login: Login | None = None, timeout: float = 10.0) -> None:
        """Connect to 127.0.0.1; raises OSError."""
        self._login = login
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; idempotent."""
        self._reader.close()
        self._socket.close()

    def ask(self, request: Request) -> Answer:
        """Ask once. Raises RefusedError with the server's words, OSError when it is gone."""
        return self.ask_all([request])[0]

    def ask_all(self, requests: Iterable[Request]) -> list[Answer]:
        """Ask many, several at a time; the answers are in the order of the requests.

        Raises RefusedError for the first that was refused, when all were answered.
        """
        wanted = list(requests)
        found = self._asked(wanted)
        deadline = time.monotonic() + _PATIENCE
        while busy := [n for n, answer in enumerate(found) if answer.code == _BUSY]:
            if time.monotonic() > deadline:
                break
            time.sleep(_PAUSE)
            for place, answer in zip(busy, self._asked([wanted[n] for n in busy]), strict=True):
                found[place] = answer
        for answer in found:
            if answer.code != SUCCESS:
                raise RefusedError(f"RocketMQ answered {answer.code}: {answer.remark}")
        return found

    def _asked(self, requests: Sequence[Request]) -> list[Answer]:
        places: dict[int, int] = {}
        answers: dict[int, Answer] = {}
        for place, request in enumerate(requests):
            places[self._send(request)] = place
            if len(places) - len(answers) >= _AHEAD:
                self._receive(places, answers)
        while len(answers) < len(places):
            self._receive(places, answers)
        return [answers[place] for place in range(len(places))]

    def _send(self, request: Request) -> int:
        number = next(self._numbers)
        header = {
            "code": request.code,
            "language": "PYTHON",
            "version": _VERSION,
            "opaque": number,
            "flag": 0,
            "extFields": self._fields(request),
        }
        head = json.dumps(header).encode()
        size = 4 + len(head) + len(request.body)
        self._socket.sendall(_LENGTHS.pack(size, len(head)) + head + request.body)
        return number

    def _fields(self, request: Request) -> dict[str, str]:
        fields = {name: _text(value) for name, value in request.fields.items()}
        if self._login is not None:
            fields["AccessKey"] = self._login.username
            signed = "".join(fields[name] for name in sorted(fields)).encode() + request.body
            digest = hmac.digest(self._login.password.encode(), signed, "sha1")
            fields["Signature"] = base64.b64encode(digest).decode()
        return fields

    def _receive(self, places: Mapping[int, int], answers: dict[int, Answer]) -> None:
        """Read frames until one is an answer; what a broker asks of its clients is left alone."""
        while True:
            size, head = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
            head &= 0xFFFFFF
            header = json.loads(self._exactly(head))
            body = self._exactly(size - 4 - head)
            if header["flag"] & 1 and header["opaque"] in places:
                answers[places[header["opaque"]]] = Answer(
                    header["code"], header.get("remark") or "", header.get("extFields") or {}, body
                )
                return

    def _exactly(self, count: int) -> bytes:
        data = self._reader.read(count)
        if len(data) < count:
            raise ConnectionResetError("the server closed the connection before its answer")
        return data


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
