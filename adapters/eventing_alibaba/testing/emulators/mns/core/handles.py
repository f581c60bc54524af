"""Receipt handles: which message, which of its receipts, and a mark that tells one from garbage.

The service answers ReceiptHandleError to what it never issued and MessageNotExist to a handle that
was good once, so a handle must be known as one after its message is gone. It therefore carries all
it means. Only characters are used that no client escapes in a query.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError

_LONGEST: Final = 100


class Receipt(NamedTuple):
    """What a handle stands for: the queue's incarnation, the message's serial, the receipt."""

    queue: int
    message: int
    number: int


def issue(queue: int, message: int, number: int) -> str:
    """Return the handle of a receipt."""
    text = f"{number}-{queue:X}.{message:X}"
    return f"{text}-{zlib.crc32(text.encode()):08X}"


def read(handle: str) -> Receipt:
    """Return what a handle stands for. Raises ServiceError for what was never issued."""
    text, _, mark = handle.rpartition("-")
    number, _, rest = text.partition("-")
    queue, _, message = rest.partition(".")
    try:
        # What parses need not have been issued ("01", "+1", " 1"), hence the look back.
        receipt = Receipt(int(queue, 16), int(message, 16), int(number))
        known = len(handle) <= _LONGEST and issue(*receipt) == handle and bool(mark)
    except ValueError:
        known = False
    if not known:
        raise ServiceError("ReceiptHandleError")
    return receipt
