"""A client that speaks bytes: what it sends is written here and nowhere in the emulator.

It signs by the description of the protocol, keeps one connection, and says what came back without
judging it, so tests can ask for what no polite client would.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

SPACE = "http://mns.aliyuncs.com/doc/v1/"

_PATIENCE = 15
"""Seconds: less than the longest wait, so that one which is not ended is found."""


@dataclass(slots=True, frozen=True)
class Reply:
    """Status, headers by lower-case name, and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def xml(self) -> ET.Element:
        """The root of the document, its names without the namespace, which must be there."""
        root = ET.fromstring(self.body)
        assert root.tag.startswith(f"{{{SPACE.rstrip('/')}}}"), root.tag
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def all(self, path: str) -> list[str]:
        """The texts of the elements at a path."""
        return [element.text or "" for element in self.xml.findall(path)]

    def one(self, path: str) -> str:
        """The text of the only element at a path."""
        (text,) = self.all(path)
        return text

    @property
    def code(self) -> str:
        """What the service calls its refusal."""
        return self.one("Code")


class Speaker:
    """One connection to the service, used as `async with`."""

    def __init__(self, endpoint: str, key: str = "test", secret: str = "test") -> None:
        parts = urlsplit(endpoint)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self.tls: ssl.SSLContext | None = None
        self.key, self.secret = key, secret
        self.token: str | None = None
        self.date: str | None = None

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port, ssl=self.tls
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def ask(
        self,
        method: str,
        target: str,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        """Send a request; a header that is None is left out."""
        await self.send(method, target, body, headers)
        return await self.read()

    async def send(
        self,
        method: str,
        target: str,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> None:
        """Send a request and do not wait."""
        data = self.encode(method, target, body, headers)
        self._writer.write(data)

    def encode(
        self,
        method: str,
        target: str,
        body: str = "",
        headers: Mapping[str, str | None] | None = None,
    ) -> bytes:
        """Return the bytes of a request, signed unless `headers` has Authorization."""
        data = body.encode()
        fields: dict[str, str] = {
            "Host": f"{self._host}:{self._port}",
            "Date": self.date or formatdate(usegmt=True),
            "x-mns-version": "2015-06-06",
        }
        if data:
            fields["Content-Type"] = "text/xml;charset=utf-8"
            digest = hashlib.md5(data).hexdigest().encode()
            fields["Content-MD5"] = base64.b64encode(digest).decode()
        for name, value in (headers or {}).items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value
        if "Authorization" not in (headers or {}):
            signed = "".join(
                f"{name}:{value}\n"
                for name, value in sorted(fields.items())
                if name.startswith("x-mns-")
            )
            text = (
                f"{method}\n{fields.get('Content-MD5', '')}\n{fields.get('Content-Type', '')}\n"
                f"{fields.get('Date', '')}\n{signed}{target}"
            )
            mac = hmac.new(self.secret.encode(), text.encode(), hashlib.sha1).digest()
            fields["Authorization"] = f"MNS {self.key}:{base64.b64encode(mac).decode()}"
        if self.token is not None:
            fields["security-token"] = self.token
        if data or method in ("PUT", "POST"):
            fields["Content-Length"] = str(len(data))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + data

    async def read(self) -> Reply:
        """Read one answer.

        Raises asyncio.IncompleteReadError where it is cut, TimeoutError when it takes too long.
        """
        async with asyncio.timeout(_PATIENCE):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(head[0].split()[1]), headers, body)


def message(body: str, **fields: object) -> str:
    """Return a Message document; the fields are further elements."""
    more = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f'<Message xmlns="{SPACE}"><MessageBody>{body}</MessageBody>{more}</Message>'


def batch(*bodies: str) -> str:
    """Return a Messages document."""
    listed = "".join(f"<Message><MessageBody>{b}</MessageBody></Message>" for b in bodies)
    return f'<Messages xmlns="{SPACE}">{listed}</Messages>'


def handles(*values: str) -> str:
    """Return a ReceiptHandles document."""
    listed = "".join(f"<ReceiptHandle>{value}</ReceiptHandle>" for value in values)
    return f'<ReceiptHandles xmlns="{SPACE}">{listed}</ReceiptHandles>'
