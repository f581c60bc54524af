"""What came back for one request.

Most answers are a bare 2xx that nobody looks into. For these there is one shared value per status,
so that a delivered event allocates nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


# Immutable by convention: `frozen=True` would cost 0.4 µs an answer.
@dataclass(slots=True, eq=False)
class Answer:
    """The final answer to one request.

    Attributes:
        status: 101 or 200 to 999; other interim answers (1xx) never get here.
        headers: `(name, value)` in the order received, names in lower case, without trailers.
            Empty for a 2xx, unless the pool was told to collect headers.
        body: at most the pool's `keep_body` bytes; empty for a 2xx, likewise.
        complete: `body` is all that the server meant to send. False where it was longer than
            `keep_body`, cut, malformed or late. Always True for a 2xx that was not collected: its
            head is final and its body is nobody's concern.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""
    complete: bool = True

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of the header `name` (in lower case), or None."""
        for known, value in self.headers:
            if known == name:
                return value
        return None


PLAIN = {status: Answer(status) for status in range(200, 300)}
"""The shared answers: a 2xx of which only the status is wanted."""
