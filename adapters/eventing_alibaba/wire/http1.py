"""Reading the answers of one connection: bytes in, answers out, no I/O.

Three things make this cheap enough for the delivery path.

A *memo*: sinks answer most requests with the very same bytes, or with one of a few variants (the
`Date` header changes once a second). A parser is a function of its bytes, so when a read at an
answer's start equals a whole answer that was parsed before, the outcome is known. Only an answer
that was complete, plain, alone in its read and left the connection good is put into the memo.

Two *parsers*: what starts with `HTTP/1.1 2` is a 2xx of which nothing but the status is wanted,
and goes to a parser without callbacks for headers and body. Everything else goes to the one that
collects. The choice needs the first twelve bytes, which are held back until they are there.

Nothing is decided twice: once a final head is there, the status stands. Whatever happens to the
body (cut, malformed, endless), the answer counts and only the connection is given up, because the
server has told what it did with the request.
"""

from __future__ import annotations

from typing import TypeAlias

from httptools import HttpParserError, HttpParserUpgrade

from eventing_alibaba.wire.answer import PLAIN, Answer
from eventing_alibaba.wire.message import Collected, Plain, ProtocolError

HEAD_LIMIT = 32 * 1024
"""Bytes that the heads of one answer, interim ones included, may take."""

ANSWER_LIMIT = HEAD_LIMIT + 1024 * 1024
"""Bytes that are read of one answer before the connection is given up; more if more is kept."""

MEMO_LIMIT = 64
"""Answers that are known by their bytes; then the memo starts anew."""

MEMO_SIZE = 1024
"""Bytes of the longest answer that is worth remembering."""

Memo: TypeAlias = dict[bytes, Answer]
"""Whole answers, shared by the connections of a pool."""

_STOPPED = (HttpParserError, HttpParserUpgrade)
_START = b"HTTP/1."
_PLAIN_START = b"HTTP/1.1 2"
_CHOICE = 12  # bytes of "HTTP/1.1 200", enough to choose the parser
_TLS_ALERT = b"\x15\x03"


class AnswerReader:
    """Turns the bytes of one connection into answers, one for each request written.

    Attributes:
        keep: the connection may carry another request. Valid between two answers.
        received: bytes read of the answer that is being read; 0 = none came yet.
    """

    __slots__ = (
        "_collected", "_keep_body", "_lead", "_limit", "_memo", "_message", "_plain",
        "keep", "received",
    )  # fmt: skip

    def __init__(self, memo: Memo, *, keep_body: int, collect: bool) -> None:
        self.keep = True
        self.received = 0
        self._memo = memo
        self._keep_body = keep_body
        self._limit = max(ANSWER_LIMIT, HEAD_LIMIT + 2 * keep_body)
        self._lead = b""
        self._message: Plain | None = None
        self._plain = None if collect else Plain()
        self._collected: Collected | None = None

    @property
    def final(self) -> bool:
        """A final head is there: the status stands, whatever becomes of the body."""
        return self._message is not None and self._message.status != 0

    def feed(self, data: bytes) -> Answer | None:
        """Read `data`; return the answer when it is complete, else None.

        After an answer, `keep` says whether the connection is still good.

        Raises:
            ProtocolError: it is no HTTP/1.1, and no final head was seen. The connection is spent.
        """
        message = self._message
        if message is None:
            if self.received == 0:
                answer = self._memo.get(data)
                if answer is not None:
                    return answer
                plain = self._plain
                if (
                    plain is not None
                    and data.startswith(_PLAIN_START)
                    and _CHOICE <= len(data) <= MEMO_SIZE
                ):
                    return self._parse_alone(plain, data)
            data = self._gather(data)
            if not data:
                return None
            message = self._message = self._choose(data)
            if self.received <= HEAD_LIMIT:
                return self._parse(message, data)
            return self._parse_long(message, data, 0)
        before = self.received
        self.received = before + len(data)
        if self.received <= HEAD_LIMIT:
            return self._parse(message, data)
        return self._parse_long(message, data, before)

    def partial(self, *, eof: bool = False) -> Answer | None:
        """Return the answer as far as it came, or None if there is no final head.

        `eof`: the server ended the stream in order, which completes an answer that is framed by
        nothing else.
        """
        message = self._message
        if message is None or not message.status:
            return None
        self.keep = False
        until_eof = isinstance(message, Collected) and message.until_eof
        return message.answer(eof and until_eof)

    def _parse_alone(self, plain: Plain, data: bytes) -> Answer | None:
        """Parse a read that begins like a plain 2xx and is short enough to be all of it."""
        self.received = len(data)
        self._message = plain
        try:
            plain.parser.feed_data(data)
        except _STOPPED as error:
            return self._broken(plain, error)
        if not plain.ended:
            return None
        self.received = 0
        self._message = None
        answer = PLAIN[plain.status]
        if plain.keep and not plain.extra:
            if len(self._memo) == MEMO_LIMIT:
                self._memo.clear()
            self._memo[data] = answer
        else:
            self.keep = False
        plain.reset()
        return answer

    def _parse(self, message: Plain, data: bytes) -> Answer | None:
        try:
            message.parser.feed_data(data)
        except _STOPPED as error:
            return self._broken(message, error)
        if not message.ended:
            return None
        self.keep = message.keep and not message.extra
        self.received = 0
        self._message = None
        answer = message.answer(True)
        message.reset()
        return answer

    def _broken(self, message: Plain, error: Exception) -> Answer:
        """Return the answer that stands in spite of `error`, or say what is wrong."""
        self.keep = False
        if message.status:
            return message.answer(message.ended)
        fault = message.fault if isinstance(message, Collected) else ""
        raise ProtocolError(fault or str(error)) from None

    def _parse_long(self, message: Plain, data: bytes, before: int) -> Answer | None:
        """Parse with both limits kept to the byte, however the answer was cut into reads."""
        at = 0
        for limit in (HEAD_LIMIT, self._limit):
            piece = data[at : at + max(0, limit - before)]
            if piece:
                answer = self._parse(message, piece)
                if answer is not None:
                    if len(piece) < len(data) - at:
                        self.keep = False
                    return answer
                at += len(piece)
                before += len(piece)
            if not message.status and before >= HEAD_LIMIT:
                self.keep = False
                raise ProtocolError(f"a head longer than {HEAD_LIMIT} bytes")
        if at == len(data):
            return None
        self.keep = False
        return message.answer(False)

    def _gather(self, data: bytes) -> bytes:
        """Hold back the start of an answer until it is long enough to choose the parser.

        Line breaks before an answer are skipped, as the parser would.
        """
        self.received += len(data)
        lead = (self._lead + data).lstrip(b"\r\n")
        if len(lead) >= _CHOICE:
            self._lead = b""
            self.received = len(lead)
            return lead
        if self.received > HEAD_LIMIT:
            raise ProtocolError("line breaks without an answer")
        if not _START.startswith(lead[: len(_START)]):
            self._choose(lead)
        self._lead = lead
        return b""

    def _choose(self, lead: bytes) -> Plain:
        if self._plain is not None and lead.startswith(_PLAIN_START):
            return self._plain
        if not lead.startswith(_START):
            self.keep = False
            if lead.startswith(_TLS_ALERT):
                raise ProtocolError("TLS: write https:// instead of http://")
            raise ProtocolError("something else than HTTP/1.1")
        collected = self._collected
        if collected is None:
            collected = self._collected = Collected(self._keep_body, collect=self._plain is None)
        return collected
