"""What the service or the way to it refuses becomes a reaction of the flow, and a sentence.

The service's code decides, not the status: several codes come with statuses that no document names.
Sentences name what is wrong and the field of the manifest that cures it; the service's own words
are added only where the table knows nothing, and those hold no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eventing_alibaba.contract.errors import (
    Disconnected,
    SourceError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from eventing_alibaba.wire.errors import WireError

PARTIAL: Final = "Partial"
"""Not the service's: some of a batch failed."""

CUT: Final = "CutAnswer"
"""Not the service's: its answer did not come whole."""

NO_MESSAGE: Final = "MessageNotExist"
VOID: Final = frozenset({NO_MESSAGE, "ReceiptHandleError"})
"""Codes of a receipt handle that is of no use any more."""

CLOCK: Final = frozenset({"TimeExpired", "RequestTimeExpired", "InvalidDateHeader"})
"""Codes of a `Date` too far from the service's time."""

NOT_TAKEN: Final = frozenset({"InvalidArgument", "MalformedXML"})
"""Codes of a message that is too large, or no text."""

THROTTLED: Final = frozenset({"QpsLimitExceeded", "Throttling", "Throttling.User"})
THROTTLE_SECONDS: Final = 1.0

KEYS: Final = frozenset(
    {
        "AccessDenied",
        "InvalidAccessKeyId",
        "InvalidAccessKeyId.NotFound",
        "InvalidAccessKeyId.Inactive",
        "SignatureDoesNotMatch",
        "SecurityTokenExpired",
        "InvalidSecurityToken",
        "InvalidSecurityToken.Expired",
        "InvalidSecurityToken.Malformed",
        "MissingSecurityToken",
    }
)
"""Codes that other credentials may cure."""


class Refused(Exception):
    """The service answered, and it was no success.

    Attributes:
        status: of HTTP.
        code: the service's, such as `QueueNotExist`; empty where the answer is none of MNS.
        text: the service's words.
        request: its id of the request, for its support.
        document: the answer, where it lists what became of each of a batch (`PARTIAL`).
    """

    def __init__(
        self, status: int, code: str, text: str = "", request: str = "", document: bytes = b""
    ) -> None:
        super().__init__(f"{status} {code or 'without a code'}: {text}")
        self.document = document
        self.status = status
        self.code = code
        self.text = text
        self.request = request


@dataclass(slots=True, frozen=True)
class Names:
    """What sentences name; `field` is where the queue's name stands."""

    endpoint: str
    queue: str
    region: str | None = None
    field: str = "spec.queue"


@dataclass(slots=True, frozen=True)
class Row:
    """How to react to a code, and what to tell."""

    signal: type[SourceError]
    reason: str
    sentence: str


_TOKEN: Final = Row(
    Unauthorized,
    "SecurityTokenExpired",
    "{endpoint} refuses the security token: it has expired or does not belong to the access key;"
    " renew spec.auth.securityToken together with the key",
)
_KEY_ID: Final = Row(
    Unauthorized,
    "InvalidAccessKeyId",
    "{endpoint} does not know the access key id, or it is disabled; check spec.auth.accessKeyId",
)
_TIME: Final = Row(
    Unauthorized,
    "RequestTimeExpired",
    "{endpoint} says that the time of the request is more than 15 minutes off, though its own time"
    " was used; check the clock of this machine and of a proxy in between",
)

TABLE: Final[dict[str, Row]] = {
    "QueueNotExist": Row(
        Unavailable,
        "QueueNotExist",
        "there is no queue {queue} at {endpoint}; create it, or check {field}, and region and"
        " account in spec.endpoint",
    ),
    "TopicNotExist": Row(
        Unavailable, "TopicNotExist", "there is no such topic at {endpoint}; create it"
    ),
    "QueueDeletedRecently": Row(
        Unavailable,
        "QueueDeletedRecently",
        "the queue {queue} was deleted a moment ago and cannot be used yet; wait or create it",
    ),
    "AccessDenied": Row(
        Unauthorized,
        "AccessDenied",
        "the access key may not use the queue {queue}: it is of another account than the one in"
        " {endpoint}, or its RAM policy lacks mns:GetQueueAttributes, mns:ReceiveMessage,"
        " mns:DeleteMessage or mns:ChangeMessageVisibility",
    ),
    "InvalidAccessKeyId": _KEY_ID,
    "InvalidAccessKeyId.NotFound": _KEY_ID,
    "InvalidAccessKeyId.Inactive": _KEY_ID,
    "SignatureDoesNotMatch": Row(
        Unauthorized,
        "SignatureDoesNotMatch",
        "the signature does not match: check spec.auth.accessKeySecret, which must belong to the"
        " access key id{region}",
    ),
    "SecurityTokenExpired": _TOKEN,
    "InvalidSecurityToken": _TOKEN,
    "InvalidSecurityToken.Expired": _TOKEN,
    "InvalidSecurityToken.Malformed": _TOKEN,
    "MissingSecurityToken": _TOKEN,
    "TimeExpired": _TIME,
    "RequestTimeExpired": _TIME,
    "InvalidDateHeader": _TIME,
    "InvalidQueueName": Row(
        Unavailable,
        "InvalidQueueName",
        "{endpoint} does not accept {queue} as the name of a queue; check {field}",
    ),
    CUT: Row(
        Disconnected, "CutAnswer", "an answer of {endpoint} did not come whole; it is asked again"
    ),
    "InternalError": Row(
        Disconnected, "InternalError", "{endpoint} has an internal error; it is asked again"
    ),
    "InternalServerError": Row(
        Disconnected, "InternalError", "{endpoint} has an internal error; it is asked again"
    ),
}
"""Codes of the service, as documented for the API of 2015-06-06, and what they mean here."""

_WIRE: Final = {
    "connect": "CannotConnect",
    "dns": "HostNotFound",
    "proxy": "ProxyRefused",
    "tls": "TlsFailed",
    "connect_timeout": "CannotConnect",
    "write_timeout": "NoAnswer",
    "answer_timeout": "NoAnswer",
    "closed": "ConnectionLost",
    "protocol": "NotHttp",
    "cut": "Closed",
}
_HINTED: Final = frozenset({"connect", "dns", "tls", "connect_timeout", "protocol"})


def not_taken(queue: str, error: Refused) -> str:
    """Return the sentence for a message that was refused with one of `NOT_TAKEN`."""
    return (
        f"the queue {queue} does not take a message: {error.text[:200]}; a body may have 64 KiB, or"
        " what the queue's MaximumMessageSize says"
    )


def signal(error: Refused | WireError, names: Names) -> SourceError:
    """Return what to raise or report for `error`; the sentence holds no secret."""
    if isinstance(error, WireError):
        hint = "; check spec.endpoint" if error.kind in _HINTED else ""
        reason = _WIRE.get(error.kind, "Disconnected")
        return Disconnected(f"{error.text}{hint}", reason=reason)
    if error.code in THROTTLED:
        return Throttled(
            f"{names.endpoint} limits the requests a second of this account (QpsLimitExceeded);"
            " they are slowed down",
            delay=THROTTLE_SECONDS,
            reason="QpsLimitExceeded",
        )
    row = TABLE.get(error.code)
    if row is not None:
        region = f", and spec.region ({names.region})" if names.region else ""
        sentence = row.sentence.format(
            endpoint=names.endpoint, queue=names.queue, region=region, field=names.field
        )
        return row.signal(sentence, reason=row.reason)
    if error.status >= 500:
        return Disconnected(
            f"{names.endpoint} answers with status {error.status}; it is asked again",
            reason="ServerError",
        )
    if not error.code:
        return Unavailable(
            f"{names.endpoint} answers with status {error.status} and not as MNS does;"
            " check spec.endpoint and a proxy in between",
            reason="NotMns",
        )
    return Unavailable(
        f"{names.endpoint} refuses requests for the queue {names.queue} with {error.code}:"
        f" {error.text[:200]}",
        reason=error.code if error.code.isalnum() else "Refused",
    )
