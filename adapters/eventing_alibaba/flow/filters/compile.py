"""Filters to one function of an event.

Everything that can be decided beforehand is: which attribute, which comparison, how many of them.
What is left for each event is a call or two, since this runs for every message, those included
that never become a request.

An event whose attributes stand in a body that is not understood here (`Event.structured`: Avro,
Protobuf) passes every filter. Excluding it would acknowledge a message nobody has looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from eventing_alibaba.contract.cesql.casts import text
from eventing_alibaba.contract.cesql.parse import parse
from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.filters import Filter
from eventing_alibaba.flow.filters.attributes import getter
from eventing_alibaba.flow.filters.expression import is_true
from eventing_alibaba.flow.filters.junctions import Check, all_of, any_of


def compile_filters(filters: Sequence[Filter]) -> Check | None:
    """Return whether an event passes all of `filters`; None if there are none, so that all do.

    The function raises nothing and changes nothing.
    """
    if not filters:
        return None
    check = all_of([_check(one) for one in filters])
    return lambda event: event.structured or check(event)


def _check(one: Filter) -> Check:
    for dialect, make in _TEXTS.items():
        values: Mapping[str, str] | None = getattr(one, dialect)
        if values is not None:
            return all_of([make(name, value) for name, value in values.items()])
    if one.all is not None:
        return all_of([_check(inner) for inner in one.all])
    if one.any is not None:
        return any_of([_check(inner) for inner in one.any])
    if one.not_ is not None:
        return _not(_check(one.not_))
    assert one.cesql is not None, "the model has exactly one"
    return is_true(parse(one.cesql))


def _exact(name: str, value: str) -> Check:
    get = getter(name)

    def check(event: Event) -> bool:
        found = get(event)
        if found.__class__ is str or found is None:
            return found == value
        return text(found) == value

    return check


def _prefix(name: str, value: str) -> Check:
    get = getter(name)

    def check(event: Event) -> bool:
        found = get(event)
        if found.__class__ is str:
            return found.startswith(value)
        return found is not None and text(found).startswith(value)

    return check


def _suffix(name: str, value: str) -> Check:
    get = getter(name)

    def check(event: Event) -> bool:
        found = get(event)
        if found.__class__ is str:
            return found.endswith(value)
        return found is not None and text(found).endswith(value)

    return check


_TEXTS: Final[Mapping[str, Callable[[str, str], Check]]] = {
    "exact": _exact,
    "prefix": _prefix,
    "suffix": _suffix,
}


def _not(inner: Check) -> Check:
    return lambda event: not inner(event)
