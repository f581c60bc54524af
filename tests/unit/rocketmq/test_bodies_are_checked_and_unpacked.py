"""Bodies that come packed, damaged, or both."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import pytest
from tests.unit.rocketmq.made import message, row

from eventing_alibaba.sources.rocketmq import bodies
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb


@pytest.mark.parametrize(
    ("kind", "checksum"),
    [
        (pb.CRC32, f"{zlib.crc32(b'body'):08X}"),
        (pb.CRC32, f"{zlib.crc32(b'body'):x}"),
        (pb.MD5, hashlib.md5(b"body").hexdigest().upper()),
        (pb.SHA1, hashlib.sha1(b"body").hexdigest().upper()),
        (pb.MD5, ""),
        (pb.DIGEST_TYPE_UNSPECIFIED, "whatever"),
    ],
)
def test_a_digest_that_fits_is_no_defect(kind: int, checksum: str) -> None:
    """All three kinds, in either case; what nobody can check is not held against the message."""
    digest = pb.Digest(type=pb.DigestType.Name(kind), checksum=checksum)
    assert message(row(b"body", body_digest=digest)).defect is None


@pytest.mark.parametrize("kind", [pb.CRC32, pb.MD5, pb.SHA1])
def test_a_digest_that_does_not_fit_is_a_defect(kind: int) -> None:
    """The message keeps its bytes and says what is wrong."""
    digest = pb.Digest(type=pb.DigestType.Name(kind), checksum="1234")
    made = message(row(b"body", body_digest=digest))
    assert made.defect == f"its body does not have the {pb.DigestType.Name(kind)} that it came with"
    assert made.body == b"body"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_gzip_and_zlib_are_unpacked(pack: object) -> None:
    """Both are called GZIP; the digest is of what is stored."""
    assert callable(pack)
    packed = pack(b"body" * 100)
    digest = pb.Digest(type=pb.CRC32, checksum=f"{zlib.crc32(packed):08X}")
    made = message(row(packed, body_digest=digest, body_encoding=pb.GZIP))
    assert (made.defect, made.body) == (None, b"body" * 100)


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"not packed", "neither"), (gzip.compress(b"x" * 1000, mtime=0)[:-9], "not complete")],
)
def test_what_cannot_be_unpacked_is_a_defect(body: bytes, told: str) -> None:
    """The raw bytes go the dead-letter road."""
    made = message(row(body, body_encoding=pb.GZIP))
    assert told in (made.defect or "")
    assert made.body == body


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fill the memory is a defect."""
    monkeypatch.setattr(bodies, "LARGEST", 1000)
    with pytest.raises(ValueError, match="larger than 1000"):
        bodies.unpack(gzip.compress(bytes(100_000)))
