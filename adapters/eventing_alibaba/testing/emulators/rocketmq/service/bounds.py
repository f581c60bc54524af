"""What the proxy takes: its own defaults, in ms and bytes."""

from __future__ import annotations

from typing import Final

SECOND: Final = 1000
HOUR: Final = 3600 * SECOND

SHORTEST_RECEIVE: Final = 10 * SECOND
LONGEST_INVISIBLE: Final = 12 * HOUR
SHORTEST_POLL: Final = 5 * SECOND
LONGEST_POLL: Final = 20 * SECOND
LONGEST_DELAY: Final = 24 * HOUR

MOST_RECEIVED: Final = 32
MOST_POLLS: Final = 1024
LARGEST_BODY: Final = 4 * 1024 * 1024
LARGEST_PROPERTIES: Final = 16 * 1024
MOST_PROPERTIES: Final = 128
LONGEST_GROUP: Final = 64

RENEWED: Final = 60 * SECOND
"""For so long a push consumer's messages are hidden, again and again."""

RENEW_EVERY: Final = 5 * SECOND
LEFT: Final = 1 * SECOND
"""For so long a client's messages stay hidden when it has gone, or could not be told of them."""

FORGOTTEN: Final = 120 * SECOND
"""A client that sends no heartbeat for so long is forgotten, and its settings with it."""

PRODUCER_ATTEMPTS: Final = 3
