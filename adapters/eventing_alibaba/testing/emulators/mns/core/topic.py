"""Topics and their subscriptions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError
from eventing_alibaba.testing.emulators.mns.core.notification import Format
from eventing_alibaba.testing.emulators.mns.core.settings import TopicSettings

Strategy = Literal["BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"]

RETENTION: Final = 86_400
"""Seconds that a topic keeps what it could not push."""

LONGEST_TAG: Final = 16

_QUEUE: Final = re.compile(r"acs:mns:([a-z0-9-]+):(\d+):queues/(.+)")
_PUSHED: Final = re.compile(r"https?://[^/\s]+\S*|mail:\S+|(sms|directmail|push):\S+")


@dataclass(slots=True, kw_only=True)
class Subscription:
    """What is published on a topic goes to `endpoint`, if the tag fits; times in ms."""

    name: str
    endpoint: str
    form: Format = "XML"
    strategy: Strategy = "BACKOFF_RETRY"
    filter_tag: str | None = None
    created: int = 0
    modified: int = 0

    def __post_init__(self) -> None:
        if _QUEUE.fullmatch(self.endpoint) is None and _PUSHED.fullmatch(self.endpoint) is None:
            raise ServiceError("EndpointInvalid")
        _one_of("NotifyContentFormat", self.form, get_args(Format))
        self.change_strategy(self.strategy)
        if self.filter_tag is not None and not 1 <= len(self.filter_tag) <= LONGEST_TAG:
            text = f"The length of FilterTag should between 1 and {LONGEST_TAG}."
            raise ServiceError("InvalidArgument", text)

    def change_strategy(self, strategy: Strategy) -> None:
        """Replace the strategy. Raises ServiceError for an unknown one."""
        _one_of("NotifyStrategy", strategy, get_args(Strategy))
        self.strategy = strategy

    def wants(self, tag: str | None) -> bool:
        """Say whether a message with this tag passes: no filter takes everything."""
        return self.filter_tag is None or self.filter_tag == tag

    def queue(self, region: str, account: str) -> str | None:
        """Return the name of the queue behind the endpoint, None if it is none of this account."""
        found = _QUEUE.fullmatch(self.endpoint)
        return found[3] if found and found.group(1, 2) == (region, account) else None

    def same_as(self, other: Subscription) -> bool:
        """Say whether creating `other` again would change nothing."""
        return (self.endpoint, self.form, self.strategy, self.filter_tag) == (
            other.endpoint,
            other.form,
            other.strategy,
            other.filter_tag,
        )


@dataclass(slots=True, kw_only=True)
class Topic:
    """A topic; times in ms."""

    name: str
    settings: TopicSettings
    created: int
    modified: int
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def subscription(self, name: str) -> Subscription:
        """Return a subscription. Raises ServiceError where there is none of this name."""
        try:
            return self.subscriptions[name]
        except KeyError:
            raise ServiceError("SubscriptionNotExist") from None


def _one_of(element: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        text = f"The value of {element} should be one of {', '.join(accepted)}."
        raise ServiceError("InvalidArgument", text)
