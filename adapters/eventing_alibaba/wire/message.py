"""What the parser reports about one answer.

llhttp, below httptools, is strict: it refuses folded headers, bare LF, a repeated Content-Length,
Content-Length beside Transfer-Encoding, bad chunk sizes. What it lets pass and HTTP/1.1 does not
(HTTP/2.0 in the first line, status 099, a body after an interim answer) is refused here.

A parser calls only the methods that its object had when it was made. So an answer of which only the
status is wanted has an object without `on_header` and `on_body`, and costs a third.
"""

from __future__ import annotations

from httptools import HttpResponseParser

from eventing_alibaba.wire.answer import PLAIN, Answer

HEADERS_LIMIT = 256
"""Headers that are kept of one answer."""

INTERIM_LIMIT = 16
"""Interim answers (1xx) that may come before the final one."""


class ProtocolError(Exception):
    """What came is no HTTP/1.1 answer; the text says why, without quoting it."""


class Plain:
    """A 2xx of which only the status is wanted.

    Attributes:
        status: of a complete final head; 0 before.
        ended: the answer is complete.
        extra: bytes of another answer followed it.
        keep: the server keeps the connection open. Valid once `ended`.
        parser: feeds this object.
    """

    __slots__ = ("ended", "extra", "keep", "parser", "status")

    def __init__(self) -> None:
        self.status = 0
        self.ended = False
        self.extra = False
        self.keep = False
        self.parser = HttpResponseParser(self)

    def on_message_begin(self) -> None:
        """Notice that something follows."""
        if self.ended:
            self.extra = True

    def on_headers_complete(self) -> None:
        """Note that the status is final."""
        if not self.ended:
            self.status = self.parser.get_status_code()

    def on_message_complete(self) -> None:
        """Note the end."""
        if not self.ended:
            self.ended = True
            self.keep = self.parser.should_keep_alive()

    def reset(self) -> None:
        """Be ready for the next answer."""
        self.status = 0
        self.ended = self.extra = False

    def answer(self, ended: bool) -> Answer:  # noqa: ARG002 - nobody sees the body
        """Return what came; `ended` = the body is all there."""
        return PLAIN[self.status]


class Collected(Plain):
    """An answer whose headers and body are wanted, after any interim ones.

    Attributes:
        headers: of the final head; trailers are left out.
        until_eof: neither a length nor chunks frame the body: the end of the stream ends it.
        fault: why the answer was refused here; empty if it was not.
    """

    __slots__ = (
        "_body", "_collect", "_interim", "_keep_body", "_size", "fault", "headers", "until_eof",
    )  # fmt: skip

    def __init__(self, keep_body: int, *, collect: bool) -> None:
        super().__init__()
        self._keep_body = keep_body
        self._collect = collect
        self.reset()

    def reset(self) -> None:
        """Be ready for the next answer."""
        super().reset()
        self.headers: list[tuple[bytes, bytes]] = []
        self.fault = ""
        self.until_eof = False
        self._body: list[bytes] = []
        self._size = 0
        self._interim = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self.status or self.ended:  # a trailer
            return
        if len(self.headers) == HEADERS_LIMIT:
            self._refuse(f"more than {HEADERS_LIMIT} headers")
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """Skip an interim head; note how a final one frames its body."""
        if self.ended:
            return
        status = self.parser.get_status_code()
        if status < 100 or not self.parser.get_http_version().startswith("1."):
            self._refuse("a status or version that HTTP/1.1 does not have")
        if 100 <= status < 200 and status != 101:
            self._interim += 1
            if self._interim > INTERIM_LIMIT:
                self._refuse(f"more than {INTERIM_LIMIT} interim answers")
            self.headers.clear()
            return
        self.status = status
        framed = status in {101, 204, 304}
        for name, value in self.headers:
            if name == b"content-length" or (
                name == b"transfer-encoding" and value.lower().endswith(b"chunked")
            ):
                framed = True
        self.until_eof = not framed

    def on_body(self, body: bytes) -> None:
        """Keep what there is room for."""
        if self.ended:
            return
        if not self.status:
            self._refuse("an interim answer with a body")
        room = self._keep_body - self._size
        if room > 0:
            self._body.append(body[:room])
        self._size += len(body)

    def on_message_complete(self) -> None:
        """Note the end, unless it was that of an interim answer."""
        if self.status:
            super().on_message_complete()

    def answer(self, ended: bool) -> Answer:
        """Return what came; `ended` = the body is all there."""
        if not self._collect and 200 <= self.status < 300:  # such as one after an interim answer
            return PLAIN[self.status]
        whole = ended and self._size <= self._keep_body
        return Answer(self.status, self.headers, b"".join(self._body), whole)

    def _refuse(self, fault: str) -> None:
        self.fault = fault
        raise ProtocolError(fault)
