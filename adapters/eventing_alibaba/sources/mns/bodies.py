"""What a producer wrote, out of the text of a MessageBody.

MNS carries text. Some client libraries write every body as base64 and some as it is, and nothing in
a message tells which; so the manifest says it, or it is guessed: what is base64 in its one correct
spelling is decoded. JSON, XML and sentences never are, for their braces and blanks.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Final


def raw(text: str) -> bytes:
    """Return the text as UTF-8."""
    return text.encode()


def base64(text: str) -> bytes:
    """Return what the text stands for. Raises ValueError with a sentence where it is no base64."""
    try:
        # Some libraries break lines.
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:  # of binascii, or for a character that is not ASCII
        raise ValueError(
            "its body is no base64, which `bodyEncoding: base64` says all are; write `raw` or"
            " `auto`"
        ) from None


def auto(text: str) -> bytes:
    """Return what the text stands for if it is base64 as an encoder writes it, else the text."""
    if not text or len(text) % 4:
        return text.encode()
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return text.encode()
    # Bits behind the last byte that are not zero: no encoder writes them.
    last = decoded[-(len(decoded) % 3 or 3) :]
    if binascii.b2a_base64(last, newline=False).decode() != text[-4:]:
        return text.encode()
    return decoded


ENCODINGS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "auto": auto,
    "base64": base64,
    "raw": raw,
}
"""For each `bodyEncoding` what makes bytes of a body."""
