"""Names for the numbers of the Kafka protocol, as people write them in a fault.

Request types are the protocol's api keys (Kafka protocol guide, "Api Keys"); error codes are those
of the protocol, and librdkafka's own, which are negative. Of these `_TRANSPORT` is of use here: a
broker that is told to answer it drops the connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eventing_alibaba.testing.emulators import EmulatorUnavailableError

API_KEYS: Final = {
    "Produce": 0,
    "Fetch": 1,
    "ListOffsets": 2,
    "Metadata": 3,
    "OffsetCommit": 8,
    "OffsetFetch": 9,
    "FindCoordinator": 10,
    "JoinGroup": 11,
    "Heartbeat": 12,
    "LeaveGroup": 13,
    "SyncGroup": 14,
    "SaslHandshake": 17,
    "ApiVersions": 18,
    "InitProducerId": 22,
    "OffsetForLeaderEpoch": 23,
    "AddPartitionsToTxn": 24,
    "AddOffsetsToTxn": 25,
    "EndTxn": 26,
    "TxnOffsetCommit": 28,
    "SaslAuthenticate": 36,
    "ConsumerGroupHeartbeat": 68,
    "GetTelemetrySubscriptions": 71,
    "PushTelemetry": 72,
}
_API_NAMES: Final = {number: name for name, number in API_KEYS.items()}

INSTALL: Final = (
    "the Kafka emulator is part of confluent-kafka, which is not installed: "
    "pip install 'eventing-alibaba[kafka]'"
)


@dataclass(slots=True, frozen=True)
class Request:
    """A request that a broker of the emulator has received.

    Attributes:
        api: its type by name ("OffsetCommit"); the number as text where it has no name here.
        broker: id of the broker, from 1.
        at: when, in seconds of `contract.clock.now()`, so comparable across processes.
    """

    api: str
    broker: int
    at: float


def api_key(api: str | int) -> int:
    """Return the api key of "Fetch" or 1. Raises ValueError listing the names."""
    if isinstance(api, int) or api.isdigit():
        return int(api)
    if api not in API_KEYS:
        raise ValueError(f"{api!r} is no Kafka request type; write one of {', '.join(API_KEYS)}")
    return API_KEYS[api]


def api_name(key: int) -> str:
    """Return the name of an api key."""
    return _API_NAMES.get(key, str(key))


def error_code(code: str | int) -> int:
    """Return the number of "REBALANCE_IN_PROGRESS" or 27. Raises ValueError for another name."""
    if isinstance(code, int):
        return code
    try:
        from confluent_kafka import KafkaError  # noqa: PLC0415 - an extra; only its names are used
    except ImportError:
        raise EmulatorUnavailableError(INSTALL) from None
    number = getattr(KafkaError, code, None)
    if not isinstance(number, int):
        msg = f"{code!r} is no Kafka error; write a code or a name as REBALANCE_IN_PROGRESS"
        raise ValueError(msg)  # noqa: TRY004 - a wrong name, whatever type the attribute has
    return number
