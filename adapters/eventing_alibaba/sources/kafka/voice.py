"""librdkafka's own log, in ours: a complaint once in a while instead of twenty times a second.

It also is the only place where librdkafka says why a listener closed a connection; the last such
line is kept for the sentence in `/status`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_EVERY: Final = 30.0
log: Final = logging.getLogger(__name__)


class Voice:
    """What the consumer is given as its `logger`; called in the consumer's thread.

    Attributes:
        failure: the last line about a broken connection, without the thread's name; "" if none.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.failure = ""
        self._now = now
        self._quiet_until: dict[str, float] = {}
        self._swallowed: dict[str, int] = {}

    def log(self, level: int, _form: str, facility: str, _client: str, text: str) -> None:
        """Take one line; `facility` is librdkafka's word for its kind."""
        text = text.partition("]: ")[2] or text
        if facility == "FAIL":
            self.failure = text
        if level < logging.WARNING:  # brokers close idle connections every ten minutes
            log.debug("librdkafka %s: %s", facility, text)
            return
        now = self._now()
        if now < self._quiet_until.get(facility, 0.0):
            self._swallowed[facility] = self._swallowed.get(facility, 0) + 1
            return
        self._quiet_until[facility] = now + _EVERY
        more = self._swallowed.pop(facility, 0)
        log.log(level, "librdkafka %s: %s%s", facility, text, f" ({more} more)" if more else "")
