"""Which queue a message group's messages lie in: where a real proxy would put them.

The proxy takes Java's hash of the group's name and spreads it with Guava's consistent hash, which
is jump consistent hashing (Lamping and Veach, 2014) over a generator of its own. So two groups that
share a queue on a real broker share one here, and lock each other in both.
"""

from __future__ import annotations

from typing import Final

_STEP: Final = 2862933555777941757
_MASK: Final = (1 << 64) - 1


def bucket(group: str, queues: int) -> int:
    """Return a number below `queues`, always the same one for a group."""
    state = _java_hash(group) & _MASK
    found = 0
    while True:
        state = (_STEP * state + 1) & _MASK
        chance = ((state >> 33) + 1) / (1 << 31)
        following = int((found + 1) / chance)
        if following >= queues:
            return found
        found = following


def _java_hash(text: str) -> int:
    value = 0
    units = text.encode("utf-16-be", "surrogatepass")
    for at in range(0, len(units), 2):
        value = (31 * value + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
