"""What is sent: one message, the same one many times, or one for each line of a file.

Lines are read as they are needed, so a file may be larger than memory and standard input may never
end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import Final

from eventing_alibaba.contract.send import Outgoing

NUMBER: Final = "{n}"
"""Stands for a message's number, from 1, where there are several."""

MOST_BYTES: Final = 64 * 1024 * 1024
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Pattern:
    """What all messages of one call have in common.

    Attributes:
        key: of each message; None = none.
        headers: of each message.
        numbered: `{n}` is replaced by the number of the message.
    """

    key: str | None
    headers: Sequence[tuple[str, str]]
    numbered: bool

    def message(self, number: int, body: bytes) -> Outgoing:
        """Return the message of this number."""
        headers = [(name, self._text(value, number).encode()) for name, value in self.headers]
        key = None if self.key is None else self._text(self.key, number).encode()
        return Outgoing(body, key, headers)

    def repeated(self, text: str, count: int) -> Iterator[Outgoing]:
        """Yield `count` messages of this text."""
        for number in range(1, count + 1):
            yield self.message(number, self._text(text, number).encode())

    def each(self, bodies: Iterable[bytes]) -> Iterator[Outgoing]:
        """Yield a message for each body."""
        for number, body in enumerate(bodies, start=1):
            yield self.message(number, body)

    def _text(self, text: str, number: int) -> str:
        return text.replace(NUMBER, str(number)) if self.numbered else text


def whole(file: RawIOBase) -> bytes:
    """Return all of a file. Raises ValueError where it is larger than any broker takes."""
    buffered = BufferedReader(file)
    data = buffered.read(MOST_BYTES + 1)
    buffered.detach()  # whose file it is closes it
    if len(data) > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES} bytes, which no broker takes as one message")
    return data


def lines(file: RawIOBase) -> Iterator[list[bytes]]:
    """Yield the lines of a file, those together that came together; without empty ones.

    Line ends are taken off. The file has no buffer: what a terminal or a pipe has is there at once,
    and a thread that waits here holds no lock that the end of the process would wait for.
    """
    rest = b""
    while data := file.read(_PIECE):
        *whole_lines, rest = (rest + data).split(b"\n")
        yield [line for raw in whole_lines if (line := raw.removesuffix(b"\r"))]
    if rest:
        yield [rest]
