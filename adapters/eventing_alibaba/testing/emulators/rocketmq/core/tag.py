"""The filter by tag: `*`, or tags with `||` between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft

Filter: TypeAlias = Callable[[Draft], bool]
"""Says whether a message is wanted."""


def by_tag(expression: str) -> Filter | None:
    """Return the filter, None where every message is wanted.

    Raises ServiceError where the expression is nothing but separators.
    """
    if expression in ("", "*"):
        return None
    if not expression.replace("||", ""):
        raise ServiceError("ILLEGAL_FILTER_EXPRESSION", "subString split error")
    tags = {tag.strip() for tag in expression.split("||")} - {""}
    return lambda draft: draft.tag in tags
