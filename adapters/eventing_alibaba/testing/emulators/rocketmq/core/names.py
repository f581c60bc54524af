"""What topics and groups may be called, and the names that the service makes of them.

The rules are those of the broker's `Validators`.
"""

from __future__ import annotations

import re
from typing import Final

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError

_ALLOWED: Final = re.compile(r"[%|a-zA-Z0-9_-]+")
_LONGEST_TOPIC: Final = 127
_LONGEST_GROUP: Final = 120
_SYSTEM_TOPICS: Final = frozenset(
    {"TBW102", "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "OFFSET_MOVED_EVENT"}
)


def check_topic(name: str) -> None:
    """Raise ServiceError where no topic can have this name."""
    _check(name, "topic", "ILLEGAL_TOPIC", _LONGEST_TOPIC)
    if name in _SYSTEM_TOPICS or name.startswith("rmq_sys_"):
        raise ServiceError("ILLEGAL_TOPIC", "cannot access system topic")


def check_group(name: str) -> None:
    """Raise ServiceError where no group can have this name."""
    _check(name, "group", "ILLEGAL_CONSUMER_GROUP", _LONGEST_GROUP)
    if name.startswith("CID_RMQ_SYS_"):
        raise ServiceError("ILLEGAL_CONSUMER_GROUP", "cannot use system consumer group")


def dead_letter_topic(group: str) -> str:
    """Return the topic that a group's dead letters go to."""
    return f"%DLQ%{group}"


def _check(name: str, what: str, code: str, longest: int) -> None:
    if not name.strip():
        raise ServiceError(code, f"the specified {what} is blank")
    if len(name) > longest:
        raise ServiceError(code, f"the specified {what} is longer than {longest}")
    if not _ALLOWED.fullmatch(name):
        raise ServiceError(
            code, f"the specified {what}[{name}] has characters besides %, |, a-z, A-Z, 0-9, _, -"
        )
