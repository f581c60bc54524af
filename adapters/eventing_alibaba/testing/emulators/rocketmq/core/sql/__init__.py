"""Filters in RocketMQ's subset of SQL92, over a message's properties.

Comparisons with numbers (`=`, `<>`, `<`, `<=`, `>`, `>=`, `BETWEEN`) and strings (`=`, `<>`, `IN`,
`CONTAINS`, `STARTSWITH`, `ENDSWITH`), `IS [NOT] NULL`, `AND`, `OR`, `NOT`, `TRUE`, `FALSE`. The tag
is the property `TAGS`. Only what is certainly true passes: a property that is missing makes a
comparison neither true nor false.
"""

from __future__ import annotations

from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft
from eventing_alibaba.testing.emulators.rocketmq.core.sql.parse import parse
from eventing_alibaba.testing.emulators.rocketmq.core.sql.values import UnreadableError
from eventing_alibaba.testing.emulators.rocketmq.core.tag import Filter


def by_sql(expression: str) -> Filter:
    """Return the filter. Raises ServiceError where the broker would not take the expression."""
    condition = parse(expression)

    def wants(draft: Draft) -> bool:
        properties = dict(draft.properties)
        if draft.tag is not None:
            properties["TAGS"] = draft.tag
        try:
            return condition(properties) is True
        except UnreadableError:
            return False

    return wants
