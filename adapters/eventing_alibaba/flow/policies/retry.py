"""How long to wait before the next attempt.

`exponential` is delay × 2^n and `linear` delay × n, as Knative's code has it (its text differs);
n counts from the first failure. Half of every wait is random, so that what failed together does
not come back together.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.contract.spec import Delivery as DeliverySpec

_MOST_DOUBLINGS = 64


@dataclass(slots=True, frozen=True)
class Retry:
    """When to try again.

    Attributes:
        most: failures that count before an event is exhausted.
        policy: how waits grow.
        delay: seconds, the first wait.
        longest: seconds, no wait is longer.
        after_max: seconds, the longest `Retry-After` that is honoured; 0 = none is.
    """

    most: int = 10
    policy: Literal["exponential", "linear"] = "exponential"
    delay: float = 0.3
    longest: float = 600.0
    after_max: float = 300.0
    chance: Callable[[], float] = random.random

    @classmethod
    def of(cls, spec: DeliverySpec) -> Retry:
        """Return what a manifest's `delivery` says."""
        return cls(
            spec.retry,
            spec.backoff_policy,
            seconds(spec.backoff_delay),
            seconds(spec.backoff_max),
            seconds(spec.retry_after_max),
        )

    def wait(self, failures: int) -> float:
        """Return seconds to wait after the `failures`th failure in a row (from 1)."""
        if self.policy == "exponential":
            whole = self.delay * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        else:
            whole = self.delay * failures
        whole = min(whole, self.longest)
        return whole / 2 + whole / 2 * self.chance()

    def longest_wait(self) -> float:
        """Return seconds between two attempts of an event that is exhausted and kept."""
        return self.longest / 2 + self.longest / 2 * self.chance()
