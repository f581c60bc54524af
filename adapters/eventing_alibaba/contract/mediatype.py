"""The media type of data that comes without one."""

from __future__ import annotations

from typing import Final

import orjson

JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"

# First bytes of what may be JSON, with the last ones that it must have then; one that is short may
# also be a number or a word, with any last byte.
_PAIRS: Final = {ord("{"): ord("}"), ord("["): ord("]"), ord('"'): ord('"')}
_SCALARS: Final = frozenset(b"-0123456789tfn")
_LONGEST_SCALAR: Final = 40
_BLANKS: Final = b" \t\r\n"


def guess(data: bytes) -> str:
    """Return JSON if it parses, text if it is UTF-8 without NUL characters, else plain bytes."""
    # Both ends first, so that other data is not parsed in vain.
    last = _PAIRS.get(data[0]) if data else None
    if (last is not None and data[-1] == last) or _may_be_json(data):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        else:
            return JSON
    if b"\0" in data:
        return BYTES
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return BYTES
    return TEXT


def _may_be_json(data: bytes) -> bool:
    """Look at both ends, so that other data is not parsed in vain."""
    data = data.strip(_BLANKS) if data[:1] in _BLANKS or data[-1:] in _BLANKS else data
    if not data:
        return False
    first = data[0]
    if first in _PAIRS:
        return data[-1] == _PAIRS[first]
    return first in _SCALARS and len(data) <= _LONGEST_SCALAR
