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
        at: seconds since the epoch, on the service's clock.
        operation: its name, "" for what the service does not know.
        queue: of queue or topic.
        status: of the answer; 0 = none was sent whole.
        code: of a refusal, "" where there was none.
        messages: how many were sent, received or deleted by it.
        key: id of the access key it was signed with, as it says itself.
        version: of the signature, "v1" or "v4".
    """

    at: float
    operation: str
    queue: str
    status: int
    code: str
    messages: int
    key: str
    version: str


class Counters:
    """Counts per operation, and the latest 10,000 requests."""

    def __init__(self) -> None:
        self.latest: deque[Asked] = deque(maxlen=_KEPT)
        self._requests: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._refusals: dict[str, Counter[str]] = {}
        self.lost_notifications = 0

    def note(self, asked: Asked) -> None:
        """Count a request whose answer is known."""
        self.latest.append(asked)
        name = asked.operation
        self._requests[name] += 1
        self._messages[name] += asked.messages
        if asked.code or not asked.status:
            self._refusals.setdefault(name, Counter())[asked.code or "cut"] += 1

    def clear(self) -> None:
        """Begin at nought."""
        self.__init__()  # type: ignore[misc]

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return requests, messages, and refusals by code, of each operation that was asked for."""
        return {
            name or "unknown": {
                "requests": count,
                "messages": self._messages[name],
                "refusals": dict(self._refusals.get(name, {})),
            }
            for name, count in self._requests.items()
        }

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Return the latest requests, oldest first; only those for one operation if given."""
        return [asdict(a) for a in self.latest if operation in (None, a.operation)]
