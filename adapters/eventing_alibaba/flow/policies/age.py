"""`event.maxAge`: messages that nobody wants any more when they are old.

A message's age is counted from when it was produced, as the broker tells it, by the wall clock,
which is the clock that the producer had. A message that does not say when it was produced is never
too old, nor is one from a producer whose clock is ahead.
"""

from __future__ import annotations

from eventing_alibaba.contract.message import Message


def too_old(message: Message, now: float, most: float) -> bool:
    """Return whether a message was produced more than `most` seconds before `now`.

    `now` is in seconds since the epoch, as `Message.time` is. Pure.
    """
    return message.time is not None and now - message.time > most
