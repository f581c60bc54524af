"""Which operation a request asks for: by method, path, and the names in its query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.http import Request

_ACCOUNT: Final = "accountmeta"
_OVERRIDE: Final = "metaoverride"
_HANDLE: Final = "receipthandle"
_MANY: Final = "numofmessages"
_PEEK: Final = "peekonly"
_WAIT: Final = "waitseconds"
_VISIBILITY: Final = "visibilitytimeout"

# Whether a request is for one message or several shows in its body or its query; the table names
# the operation for one.
_TABLE: Final[dict[tuple[str, str], tuple[str, frozenset[str]]]] = {
    ("GET", "/"): ("GetAccountAttributes", frozenset({_ACCOUNT})),
    ("PUT", "/"): ("SetAccountAttributes", frozenset({_ACCOUNT})),
    ("POST", "/commonbuy/openservice"): ("OpenService", frozenset()),
    ("GET", "/queues"): ("ListQueue", frozenset()),
    ("PUT", "/queues/*"): ("CreateQueue", frozenset({_OVERRIDE})),
    ("GET", "/queues/*"): ("GetQueueAttributes", frozenset()),
    ("DELETE", "/queues/*"): ("DeleteQueue", frozenset()),
    ("POST", "/queues/*/messages"): ("SendMessage", frozenset()),
    ("GET", "/queues/*/messages"): ("ReceiveMessage", frozenset({_MANY, _PEEK, _WAIT})),
    ("DELETE", "/queues/*/messages"): ("DeleteMessage", frozenset({_HANDLE})),
    ("PUT", "/queues/*/messages"): ("ChangeMessageVisibility", frozenset({_HANDLE, _VISIBILITY})),
    ("GET", "/topics"): ("ListTopic", frozenset()),
    ("PUT", "/topics/*"): ("CreateTopic", frozenset({_OVERRIDE})),
    ("GET", "/topics/*"): ("GetTopicAttributes", frozenset()),
    ("DELETE", "/topics/*"): ("DeleteTopic", frozenset()),
    ("POST", "/topics/*/messages"): ("PublishMessage", frozenset()),
    ("GET", "/topics/*/subscriptions"): ("ListSubscriptionByTopic", frozenset()),
    ("PUT", "/topics/*/subscriptions/*"): ("Subscribe", frozenset({_OVERRIDE})),
    ("GET", "/topics/*/subscriptions/*"): ("GetSubscriptionAttributes", frozenset()),
    ("DELETE", "/topics/*/subscriptions/*"): ("Unsubscribe", frozenset()),
}

_OVERRIDDEN: Final = {
    "CreateQueue": "SetQueueAttributes",
    "CreateTopic": "SetTopicAttributes",
    "Subscribe": "SetSubscriptionAttributes",
}

OPERATIONS: Final = frozenset(
    {
        *(operation for operation, _ in _TABLE.values()),
        *_OVERRIDDEN.values(),
        "PeekMessage",
        "BatchSendMessage",
        "BatchReceiveMessage",
        "BatchPeekMessage",
        "BatchDeleteMessage",
    }
)
"""The names of all operations."""


@dataclass(slots=True, frozen=True)
class Route:
    """What a request is about.

    Attributes:
        operation: one of OPERATIONS, "" for what the service does not know.
        names: of the queue, or the topic and perhaps the subscription.
        query: by names in lower case, the values decoded.
        refusal: why this cannot be answered, if so.
    """

    operation: str
    names: tuple[str, ...]
    query: dict[str, str]
    refusal: ServiceError | None = None

    @property
    def queue(self) -> str | None:
        """The queue it is about, if it is about one."""
        return self.names[0] if self.names and self.operation not in _ABOUT_TOPICS else None


_ABOUT_TOPICS: Final = frozenset(
    {operation for (_, path), (operation, _) in _TABLE.items() if path.startswith("/topics")}
    | {"SetTopicAttributes", "SetSubscriptionAttributes"}
)


def find(request: Request) -> Route:
    """Return what the request is about."""
    path, _, text = request.target.partition("?")
    query = _query(text)
    parts = [unquote(part) for part in path.strip("/").split("/")]
    # Every second part is a name.
    shape = [part if i % 2 == 0 else "*" for i, part in enumerate(parts)]
    names = tuple(parts[1::2])
    if parts[0] not in {"queues", "topics"}:
        shape, names = parts, ()
    found = _TABLE.get((request.method, "/" + "/".join(shape)))
    if found is None:
        return Route("", (), query, ServiceError("InvalidRequestURL"))
    operation, allowed = found
    operation = _variant(operation, query, request.body)
    for name in query:
        if name not in allowed:
            text = f"Http request URL contains invalid querystring item {name}."
            return Route(operation, names, query, ServiceError("InvalidQueryString", text))
    return Route(operation, names, query)


def _variant(operation: str, query: dict[str, str], body: bytes) -> str:
    if operation in _OVERRIDDEN and query.get(_OVERRIDE, "").lower() == "true":
        return _OVERRIDDEN[operation]
    if operation == "ReceiveMessage":
        batch = "Batch" if _MANY in query else ""
        peek = query.get(_PEEK, "").lower() == "true"
        return f"{batch}PeekMessage" if peek else f"{batch}ReceiveMessage"
    if operation == "SendMessage" and b"<Messages" in body[:200]:
        return "BatchSendMessage"
    if operation == "DeleteMessage" and _HANDLE not in query and body:
        return "BatchDeleteMessage"
    return operation


def _query(text: str) -> dict[str, str]:
    """Decode %xx but leave + alone: handles of the real service have it, unescaped."""
    if not text:
        return {}
    pairs = (item.partition("=") for item in text.split("&"))
    return {unquote(name).lower(): unquote(value) for name, _, value in pairs}
