"""What a producer wrote, out of the text of a MessageBody.

MNS carries text, which is UTF-8 here. Some client libraries write every body as base64 and some as
it is, and nothing in a message tells which; so the manifest says it, or it is guessed: what is
base64 in its one correct spelling is decoded. JSON, XML and sentences never are, for their braces
and blanks.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Final


def raw(text: bytes) -> bytes:
    """Return the text, which is UTF-8, as it is."""
    return text


def base64(text: bytes) -> bytes:
    """Return what the text stands for. Raises ValueError with a sentence where it is no base64."""
    try:
        # Some libraries break lines.
        return binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except ValueError:  # of binascii
        raise ValueError(
            "its body is no base64, which `bodyEncoding: base64` says all are; write `raw` or"
            " `auto`"
        ) from None


def auto(text: bytes) -> bytes:
    """Return what the text stands for if it is base64 as an encoder writes it, else the text."""
    if not text or len(text) % 4:
        return text
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return text
    # Bits behind the last byte that are not zero: no encoder writes them.
    last = decoded[-(len(decoded) % 3 or 3) :]
    if binascii.b2a_base64(last, newline=False) != text[-4:]:
        return text
    return decoded


ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "auto": auto,
    "base64": base64,
    "raw": raw,
}
"""For each `bodyEncoding` what makes bytes of a body."""
