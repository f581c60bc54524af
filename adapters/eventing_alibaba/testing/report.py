"""What a ledger found: every finding counted, the first few shown.

`assert report.clean, report` is what most tests want: the text of a report names the examples. A
million lost events must not make a million strings, hence `Findings`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")


@dataclass(slots=True, frozen=True)
class Cause:
    """Something done to the sender, or to the broker behind it.

    Attributes:
        kind: a word, "kill".
        at: when, in seconds.
        detail: words about it.
        lasting: seconds for which it goes on to make duplicates.
    """

    kind: str
    at: float
    detail: str = ""
    lasting: float = 0.0


@dataclass(slots=True, frozen=True)
class Duplicate:
    """An event delivered at `at` that had been delivered at `before` already."""

    id: str
    before: float
    at: float
    cause: Cause | None


@dataclass(slots=True, frozen=True)
class Reordered:
    """An event that succeeded only after `overtaken_by`, which is behind it in its line."""

    id: str
    overtaken_by: str


@dataclass(slots=True, frozen=True)
class Overlap:
    """An event that arrived at `at` while `other`, arrived at `since`, was not yet answered."""

    id: str
    other: str
    since: float
    at: float
    cause: Cause | None


class Findings(Generic[_T]):
    """A number of findings: `len` and truth are of all of them, iteration is over the examples.

    Attributes:
        examples: the first few.
        by_cause: how many by the kind of their cause; the key None counts those without.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._count = 0
        self.examples: list[_T] = []
        self.by_cause: Counter[str | None] = Counter()

    def add(self, finding: _T | Callable[[], _T], cause: Cause | None = None) -> None:
        """Count a finding; a callable is only called if it becomes an example."""
        self._count += 1
        self.by_cause[cause.kind if cause else None] += 1
        if len(self.examples) < self._keep:
            self.examples.append(finding() if callable(finding) else finding)

    @property
    def unexplained(self) -> int:
        """How many have no cause."""
        return self.by_cause[None]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[_T]:
        return iter(self.examples)

    def __repr__(self) -> str:
        more = ", ..." if self._count > len(self.examples) else ""
        return f"{self._count} [{', '.join(map(repr, self.examples))}{more}]"


@dataclass(slots=True, frozen=True)
class Report:
    """The difference between sent and received; the terms are defined in `ledger.py`.

    Attributes:
        sent, delivered: how many events were sent, and how many of those arrived.
        lost, unknown: ids.
        duplicates, reordered, overlaps: see their classes.
    """

    sent: int
    delivered: int
    lost: Findings[str]
    unknown: Findings[str]
    duplicates: Findings[Duplicate]
    reordered: Findings[Reordered]
    overlaps: Findings[Overlap]

    @property
    def clean(self) -> bool:
        """Whether every event arrived in order, and every duplicate and overlap has a cause."""
        return not (
            self.lost
            or self.unknown
            or self.reordered
            or self.duplicates.unexplained
            or self.overlaps.unexplained
        )

    def __str__(self) -> str:
        lines = [f"{self.delivered} of {self.sent} events delivered"]
        for name in ("lost", "unknown", "reordered", "duplicates", "overlaps"):
            found: Findings[object] = getattr(self, name)
            if found:
                causes = {kind: n for kind, n in found.by_cause.items() if kind is not None}
                lines.append(f"{name}: {found!r}" + (f", by cause {causes}" if causes else ""))
        return "\n".join(lines)
