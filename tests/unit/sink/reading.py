"""Requests as an independent parser reads them, and a plain event to encode."""

from __future__ import annotations

from typing import Any

import httptools

from eventing_alibaba.contract.event import Event

HEAD = b"POST /events HTTP/1.1\r\nHost: service\r\n"


class Raw:
    """A request that an independent parser has read."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.complete = 0
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("ascii").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1

    def names(self) -> list[str]:
        return [name for name, _ in self.headers]


def read(data: bytes) -> Raw:
    raw = Raw(data)
    assert raw.complete == 1
    assert len(set(raw.names())) == len(raw.headers), "a header came twice"
    return raw


def plain(**changes: Any) -> Event:
    fields: dict[str, Any] = {"id": "1", "source": "/s", "type": "t", "data": b"{}"}
    return Event(**(fields | changes))
