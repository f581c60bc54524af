"""The messages of the demo: orders of a small shop, numbered from 1.

The number travels in the data, not in the event's id. So whether a message was lost is judged by
what the service was given, and not by anything the adapter under demonstration has made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

_CUSTOMERS: Final = (
    *("ada", "hua", "fang", "ping", "chen", "mei", "nils", "tao", "lin", "eva", "bo", "yan"),
    *("otto", "jia", "rosa", "wei", "ines", "qing", "paul", "xia", "lena", "dong", "omar", "ning"),
    *("kai", "shu", "ella", "jun", "ivan", "lan", "zoe", "hong"),
)
_GOODS: Final = (("tea", 1200), ("lamp", 4950), ("bicycle", 31900), ("paper", 350), ("scarf", 2100))


@dataclass(frozen=True, slots=True)
class Order:
    """One message.

    Attributes:
        number: 1, 2, 3, ...
        customer: whose order it is; orders of one customer keep their order.
        body: JSON.
    """

    number: int
    customer: str
    body: bytes


def order(number: int) -> Order:
    """Return the order of this number; the same number is always the same order."""
    customer = _CUSTOMERS[number * 5 % len(_CUSTOMERS)]
    item, cents = _GOODS[number % len(_GOODS)]
    body = orjson.dumps({"order": number, "customer": customer, "item": item, "cents": cents})
    return Order(number, customer, body)


def number_of(data: bytes | None) -> int | None:
    """Return the number of the order in an event's data; None where there is none."""
    try:
        found = orjson.loads(data or b"")
    except orjson.JSONDecodeError:
        return None
    number = found.get("order") if isinstance(found, dict) else None
    return number if type(number) is int else None
