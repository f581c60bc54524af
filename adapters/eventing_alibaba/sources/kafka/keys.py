"""Record keys as attribute values, by `keyType`.

Numbers are big-endian, as Kafka's own serializers write them. A key that has not its type's length
is taken as text. A whole number that CloudEvents' Integer cannot hold (it has 32 bits) is written
as text too, and so is every fraction, which CloudEvents has no type for.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from eventing_alibaba.sources.kafka.headers import text

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import AttributeValue
    from eventing_alibaba.sources.kafka.spec import KeyType


def _integer(key: bytes) -> AttributeValue:
    if len(key) == 4:
        return int.from_bytes(key, "big", signed=True)
    if len(key) == 8:
        number = int.from_bytes(key, "big", signed=True)
        return number if -(2**31) <= number < 2**31 else str(number)
    return text(key)


def _fraction(key: bytes) -> AttributeValue:
    if len(key) == 4:
        return _shortest(struct.unpack(">f", key)[0])
    if len(key) == 8:
        return _written(struct.unpack(">d", key)[0])
    return text(key)


def _shortest(number: float) -> str:
    """Write a 32-bit fraction with the fewest digits that mean it: 0.1, not 0.10000000149011612."""
    if math.isfinite(number):
        for digits in range(6, 10):
            short = float(f"{number:.{digits}g}")
            try:
                if struct.pack(">f", short) == struct.pack(">f", number):
                    return repr(short)
            except OverflowError:  # rounded up beyond what 32 bits hold
                continue
    return _written(number)


def _written(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return repr(number)


READERS: Final[Mapping[KeyType, Callable[[bytes], AttributeValue]]] = {
    "string": text,
    "int": _integer,
    "float": _fraction,
    "byte-array": lambda key: base64.b64encode(key).decode(),
}
"""For each `keyType` what makes an attribute value of a key that is not empty."""
