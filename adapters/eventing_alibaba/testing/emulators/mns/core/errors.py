"""The service's refusals: their codes, their statuses, and what the service says with them.

The texts are the service's own, its grammar too: clients in the field look for words in them. For
three things no source was found, and here is what is done: QpsLimitExceeded has status 400, an
expired STS token is `SecurityTokenExpired` with 403, a missing or foreign one `InvalidAccessKeyId`.
"""

from __future__ import annotations

from typing import Final

_NAME_RULE: Final = "must start with an alphabet or digit, and only contain alphabets, digits or -."

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)

CODES: Final[dict[str, tuple[int, str]]] = {
    "AccessDenied": (
        403,
        "The OwnerId that your Access Key Id associated to is forbidden for this operation.",
    ),
    "EndpointInvalid": (400, "The endpoint you provided is invalid."),
    "InternalError": (500, "Internal error."),
    "InternalServerError": (500, "Internal error."),
    "InvalidAccessKeyId": (403, "The AccessKey Id you provided is not exist."),
    "InvalidArgument": (400, "The XML you provided did not validate against our published schema."),
    "InvalidAuthorizationHeader": (400, "The Authorization header format is invalid."),
    "InvalidDateHeader": (400, "The Date header format is invalid."),
    "InvalidDegist": (400, "The Content-MD5 you specified is invalid."),
    "InvalidQueryString": (400, "Http request URL contains invalid querystring item."),
    "InvalidQueueName": (400, f"The queue name you provided is invalid. QueueName {_NAME_RULE}"),
    "InvalidRequestURL": (400, "Http request URL format invalid."),
    "MalformedXML": (400, "The XML you provided was not well-formed."),
    "MessageNotExist": (404, "Message not exist."),
    "MissingAuthorizationHeader": (400, "Authorization header is required."),
    "MissingDateHeader": (400, "Date header is required."),
    "MissingReceiptHandle": (400, "ReceiptHandle is required."),
    "MissingVersionHeader": (400, "x-mns-version header is required."),
    "MissingVisibilityTimeout": (400, "VisibilityTimeout is required."),
    "QpsLimitExceeded": (400, "The qps of the queue is beyond the limit."),
    "QueueAlreadyExist": (409, "The queue you want to create is already exist."),
    "QueueDeletedRecently": (400, "The queue you want to create is deleted recently."),
    "QueueNameLengthError": (400, "The length of queue name should between 1 and 120."),
    "QueueNotExist": (404, "The queue name you provided is not exist."),
    "ReceiptHandleError": (400, "The receipt handle you provided is not valid."),
    "SecurityTokenExpired": (403, "The security token you provided has expired."),
    "SignatureDoesNotMatch": (403, _MISMATCH),
    "SubscriptionAlreadyExist": (409, "The subscription you want to create is already exist."),
    "SubscriptionNameInvalid": (
        400,
        f"The subscription name you provided is invalid. SubscriptionName {_NAME_RULE}",
    ),
    "SubscriptionNameLengthError": (
        400,
        "The length of subscription name should between 1 and 120.",
    ),
    "SubscriptionNotExist": (404, "The subscription name you provided is not exist."),
    "TimeExpired": (408, "The http request you sent is expired."),
    "TopicAlreadyExist": (409, "The topic you want to create is already exist."),
    "TopicNameInvalid": (400, f"The topic name you provided is invalid. TopicName {_NAME_RULE}"),
    "TopicNameLengthError": (400, "The length of topic name should between 1 and 120."),
    "TopicNotExist": (404, "The topic name you provided is not exist."),
}
"""Each code with its HTTP status and the service's sentence."""


class ServiceError(Exception):
    """A refusal.

    Attributes:
        code: the service's word for it.
        status: of the HTTP answer.
        message: a sentence; the service's own where none is given.
    """

    def __init__(self, code: str, message: str | None = None, *, status: int | None = None) -> None:
        known = CODES.get(code, (500, code))
        self.code = code
        self.status = known[0] if status is None else status
        self.message = known[1] if message is None else message
        super().__init__(f"{self.status} {code}: {self.message}")


def out_of_range(element: str, low: int, high: int, unit: str) -> ServiceError:
    """Return the refusal of a number outside its bounds."""
    text = f"The value of {element} should between {low} and {high} {unit}."
    return ServiceError("InvalidArgument", text)
