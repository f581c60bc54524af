"""What the service has been asked, and what it said."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any, Final

_KEPT: Final = 10_000


@dataclass(slots=True, frozen=True)
class Asked:
    """A request.

    Attributes:
        at: seconds since the epoch.
        operation: the RPC's name.
        topic, group: it is about; "" for none.
        client: the client's id.
        code: of the answer, as a name: OK, TOO_MANY_REQUESTS ...; of gRPC where it ended the call;
            "" when the client left before.
        messages: how many were sent, received or settled by it.
        key: id of the access key it was signed with, as it says itself.
        broker: of the proxy that was asked.
    """

    at: float
    operation: str
    topic: str
    group: str
    client: str
    code: str
    messages: int
    key: str
    broker: str


class Counters:
    """Counts per operation, and the latest 10,000 requests."""

    def __init__(self) -> None:
        self.latest: deque[Asked] = deque(maxlen=_KEPT)
        self._requests: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._codes: dict[str, Counter[str]] = {}

    def note(self, asked: Asked) -> None:
        """Count a request whose answer is known."""
        self.latest.append(asked)
        name = asked.operation
        self._requests[name] += 1
        self._messages[name] += asked.messages
        self._codes.setdefault(name, Counter())[asked.code or "gone"] += 1

    def clear(self) -> None:
        """Begin at nought."""
        self.__init__()  # type: ignore[misc]

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages, and answers by code, of each operation that was asked for."""
        return {
            name: {
                "requests": count,
                "messages": self._messages[name],
                "codes": dict(self._codes[name]),
            }
            for name, count in self._requests.items()
        }

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest requests, oldest first; only those for one operation if given."""
        return [asdict(asked) for asked in self.latest if operation in (None, asked.operation)]
