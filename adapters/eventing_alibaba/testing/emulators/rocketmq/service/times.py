"""Milliseconds and protobuf's times."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def duration(milliseconds: int) -> Duration:
    """Return so many ms as a duration."""
    seconds, rest = divmod(milliseconds, 1000)
    return Duration(seconds=seconds, nanos=rest * 1_000_000)


def timestamp(milliseconds: int) -> Timestamp:
    """Return a time in ms since the epoch as a timestamp."""
    seconds, rest = divmod(milliseconds, 1000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)


def milliseconds(time: Duration | Timestamp) -> int:
    """Return a duration in ms, or a timestamp in ms since the epoch."""
    return time.seconds * 1000 + time.nanos // 1_000_000
