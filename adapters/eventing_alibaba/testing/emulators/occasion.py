"""When a fault strikes: the part of it that all emulators have, and the list of those there are.

Faults may be added and taken away at any time; they hold from the next request, and the first that
fits a request has it. Chance comes from a generator of each fault's own, so the same requests in
the same order fail in every run.
"""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Final, Generic, Self, TypeVar

_INNER: Final = ("used", "ends", "chance")


@dataclass(slots=True, kw_only=True)
class Occasion:
    """Which requests something happens to, how often and for how long.

    Attributes:
        operation: a name ("SendMessage") or a pattern ("*Message", "*").
        items: it happens to single parts of requests with several; the others are spared.
        times: only so many requests (or parts).
        seconds: only so long from when it was added.
        probability: only this part of the requests (or parts).
        seed: of the chance.
        used: how often it was used so far.
        ends: when its time is over, None = never.
        chance: what decides with `probability`.
    """

    operation: str = "*"
    items: bool = False
    times: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    seed: int = 0
    used: int = field(default=0, init=False)
    ends: float | None = field(default=None, init=False)
    chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}")
        self.chance = random.Random(self.seed)  # noqa: S311 - chance that repeats is the point

    def concerns(self, *about: str | None) -> bool:
        """Say whether it is for requests about these; what they are, each emulator says."""
        raise NotImplementedError

    def strikes(self) -> bool:
        """Say whether chance and `times` let it happen now; counts it if so."""
        if self.times is not None and self.used >= self.times:
            return False
        if self.probability < 1.0 and self.chance.random() >= self.probability:
            return False
        self.used += 1
        return True

    def over(self, now: float) -> bool:
        """Say whether it cannot happen any more."""
        late = self.ends is not None and now >= self.ends
        return late or (self.times is not None and self.used >= self.times)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Make one of its JSON form. Raises ValueError naming an unknown field."""
        known = [f.name for f in fields(cls) if f.init]
        for name in value:
            if name not in known:
                raise ValueError(f"a fault has no field {name!r}; it has {', '.join(known)}")
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form of what it was made of, without what is as by default."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in _INNER and getattr(self, f.name) != f.default
        }


_Fault = TypeVar("_Fault", bound=Occasion)


class Faults(Generic[_Fault]):
    """The faults that there are now."""

    def __init__(self) -> None:
        self._faults: list[_Fault] = []

    def __iter__(self) -> Iterator[_Fault]:
        return iter(self._faults)

    def add(self, fault: _Fault, now: float) -> None:
        """Add one; `now` and the `now` of the other calls are seconds of one clock."""
        if fault.seconds is not None:
            fault.ends = now + fault.seconds
        self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong."""
        self._faults.clear()

    def find(self, operation: str, *about: str | None, now: float) -> _Fault | None:
        """Return the fault that has this request, if there is one."""
        if not self._faults:
            return None
        self._faults = [fault for fault in self._faults if not fault.over(now)]
        for fault in self._faults:
            if (
                fnmatch.fnmatchcase(operation, fault.operation)
                and fault.concerns(*about)
                and (fault.items or fault.strikes())
            ):
                return fault
        return None


def known(what: str, value: str, names: Collection[str], *, pattern: bool = False) -> None:
    """Raise ValueError unless `value` is one of `names`, or a pattern that fits one."""
    if not (fnmatch.filter(names, value) if pattern else value in names):
        raise ValueError(f"{what} {value!r} is none of: {', '.join(sorted(names))}")
