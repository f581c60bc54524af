"""The service's refusals: a number that clients act on, and a sentence for people."""

from __future__ import annotations

from typing import Final

CODES: Final = {
    "BAD_REQUEST": 40000,
    "ILLEGAL_ACCESS_POINT": 40001,
    "ILLEGAL_TOPIC": 40002,
    "ILLEGAL_CONSUMER_GROUP": 40003,
    "ILLEGAL_MESSAGE_TAG": 40004,
    "ILLEGAL_MESSAGE_KEY": 40005,
    "ILLEGAL_MESSAGE_GROUP": 40006,
    "ILLEGAL_MESSAGE_PROPERTY_KEY": 40007,
    "ILLEGAL_MESSAGE_ID": 40009,
    "ILLEGAL_FILTER_EXPRESSION": 40010,
    "ILLEGAL_INVISIBLE_TIME": 40011,
    "ILLEGAL_DELIVERY_TIME": 40012,
    "INVALID_RECEIPT_HANDLE": 40013,
    "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE": 40014,
    "UNRECOGNIZED_CLIENT_TYPE": 40015,
    "MESSAGE_CORRUPTED": 40016,
    "CLIENT_ID_REQUIRED": 40017,
    "ILLEGAL_POLLING_TIME": 40018,
    "UNAUTHORIZED": 40100,
    "PAYMENT_REQUIRED": 40200,
    "FORBIDDEN": 40300,
    "NOT_FOUND": 40400,
    "MESSAGE_NOT_FOUND": 40401,
    "TOPIC_NOT_FOUND": 40402,
    "CONSUMER_GROUP_NOT_FOUND": 40403,
    "REQUEST_TIMEOUT": 40800,
    "MESSAGE_BODY_TOO_LARGE": 41301,
    "MESSAGE_BODY_EMPTY": 41302,
    "TOO_MANY_REQUESTS": 42900,
    "MESSAGE_PROPERTIES_TOO_LARGE": 43101,
    "INTERNAL_ERROR": 50000,
    "INTERNAL_SERVER_ERROR": 50001,
    "HA_NOT_AVAILABLE": 50002,
    "NOT_IMPLEMENTED": 50100,
    "PROXY_TIMEOUT": 50400,
    "MASTER_PERSISTENCE_TIMEOUT": 50401,
    "SLAVE_PERSISTENCE_TIMEOUT": 50402,
    "UNSUPPORTED": 50500,
}
"""The codes of apache.rocketmq.v2 that an emulator has a use for, by name."""

NAMES: Final = {number: name for name, number in CODES.items()} | {
    20000: "OK",
    30000: "MULTIPLE_RESULTS",
}


class ServiceError(Exception):
    """A request, or one entry of it, is refused.

    Attributes:
        code: the number in the answer's status.
        message: the sentence in it.
    """

    def __init__(self, name: str, message: str | None = None) -> None:
        self.code = CODES[name]
        self.message = name if message is None else message
        super().__init__(f"{name}: {self.message}")
