"""Bodies as producers wrote them: digest compared, then unpacked.

The digest is of the body as it is stored, packed or not. "GZIP" means what Java's Deflater makes as
well, which is zlib's format; zlib tells the two by their first bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

LARGEST: Final = 64 * 1024 * 1024
"""Bytes that a body may have when it is unpacked; 16 times what RocketMQ takes packed."""

_EITHER: Final = 32 + 15
"""zlib's `wbits` for gzip or zlib."""


def damage(body: bytes, kind: int, checksum: str) -> str | None:
    """Return why the body is not what the digest is of; None where it is, or nobody can tell."""
    if not checksum:
        return None
    if kind == pb.CRC32:
        try:
            good = int(checksum, 16) == zlib.crc32(body)
        except ValueError:
            good = False
        name = "CRC32"
    elif kind == pb.MD5:
        good = hashlib.md5(body, usedforsecurity=False).hexdigest() == checksum.lower()
        name = "MD5"
    elif kind == pb.SHA1:
        good = hashlib.sha1(body, usedforsecurity=False).hexdigest() == checksum.lower()
        name = "SHA1"
    else:
        return None
    return None if good else f"its body does not have the {name} that it came with"


def unpack(body: bytes) -> bytes:
    """Return what a packed body holds. Raises ValueError with a sentence."""
    reader = zlib.decompressobj(_EITHER)
    try:
        found = reader.decompress(body, LARGEST)
    except zlib.error:
        raise ValueError("its body is said to be gzip, and is neither that nor zlib") from None
    if reader.unconsumed_tail:
        raise ValueError(f"its body is larger than {LARGEST} bytes when it is unpacked")
    if not reader.eof:
        raise ValueError("its body is packed and not complete")
    return found
