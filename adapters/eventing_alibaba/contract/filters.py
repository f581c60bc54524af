"""Which events pass, in the filter dialects of the CloudEvents Subscriptions API.

They are written as in a Knative Trigger: each filter is an object with one field, its dialect.

A filter holds filters, and a structural schema cannot hold itself. So `all`, `any` and `not` hold
objects of any fields as far as the API server goes, which is how a Trigger's schema has it too; the
operator and the adapter check them to the end with this model. That there is exactly one dialect
the schema says by counting fields.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from eventing_alibaba.contract.cesql.casts import Type
from eventing_alibaba.contract.cesql.parse import LONGEST, parse
from eventing_alibaba.contract.model import Model

MOST: Final = 64
"""Filters in one list."""
DEEPEST: Final = 16
"""Levels of filters in filters."""

_NAME: Final = re.compile(r"[a-z0-9]+")
_OTHER: Final = re.compile(r"[^a-z0-9]")
_NEVER: Final[dict[Type, str]] = {str: "a text", int: "a whole number"}


def _written(values: object) -> object:
    # Elsewhere a null is a field that was not written. Here that would take a condition away, and
    # more events would pass than the list says.
    if isinstance(values, dict):
        for name, value in values.items():
            if value is None:
                msg = f"`{name}` must be text; got nothing"
                raise ValueError(msg)
    return values


def _named(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if name == "data":
            msg = "`data` is no attribute: filters never see the data"
            raise ValueError(msg)
        if not _NAME.fullmatch(name):
            meant = _OTHER.sub("", name.lower())
            msg = f"{name!r} is no attribute: names have lower-case letters and digits only" + (
                f"; did you mean `{meant}`?" if meant else ""
            )
            raise ValueError(msg)
    return values


def _answering(expression: str) -> str:
    result = parse(expression).type
    if result in _NEVER:
        msg = f"the expression gives {_NEVER[result]}; only what is true or false can be a filter"
        raise ValueError(msg)
    return expression


Values = Annotated[
    dict[str, Annotated[str, StringConstraints(min_length=1, max_length=4096)]],
    Field(min_length=1, max_length=MOST),
    BeforeValidator(_written),
    AfterValidator(_named),
    Field(examples=[{"type": "com.example.order"}]),
]
"""Attributes by name, each with a text that is not empty."""

Expression = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST),
    AfterValidator(_answering),
    Field(examples=["type = 'com.example.order' AND EXISTS subject"]),
]
"""A CESQL expression that can be true."""

Nested = Annotated[
    "Filter", WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
]
"""A filter within a filter."""


class Filter(Model):
    """Which events pass: exactly one of the fields. Filters see attributes, never data."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    exact: Values | None = None
    """Passes if each of these attributes is exactly this text. Numbers and booleans are compared
    as the text that is sent; an attribute that the event lacks does not match."""
    prefix: Values | None = None
    """Passes if each of these attributes begins with this text."""
    suffix: Values | None = None
    """Passes if each of these attributes ends with this text."""
    all: Annotated[list[Nested], Field(min_length=1, max_length=MOST)] | None = None
    """Passes if all of these filters pass."""
    any: Annotated[list[Nested], Field(min_length=1, max_length=MOST)] | None = None
    """Passes if at least one of these filters passes."""
    not_: Nested | None = Field(default=None, alias="not")
    """Passes if this filter does not."""
    cesql: Expression | None = None
    """Passes if this CloudEvents SQL expression is true. One that fails, for example because an
    attribute is missing, is not."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Filter:
        names = {field.alias or name: name for name, field in type(self).model_fields.items()}
        given = [alias for alias, name in names.items() if getattr(self, name) is not None]
        if len(given) != 1:
            listed = ", ".join(f"`{alias}`" for alias in names)
            got = " and ".join(f"`{alias}`" for alias in given) or "none"
            msg = f"must have exactly one of {listed}; got {got}"
            raise ValueError(msg)
        return self

    @property
    def inner(self) -> Sequence[Filter]:
        """The filters directly in this one."""
        return self.all or self.any or (() if self.not_ is None else (self.not_,))


def _shallow(filters: list[Filter]) -> list[Filter]:
    level: Sequence[Filter] = filters
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in outer.inner]
        if not level:
            return filters
    msg = f"has filters in filters, more than {DEEPEST} levels deep"
    raise ValueError(msg)


Filters = Annotated[list[Filter], Field(max_length=MOST), AfterValidator(_shallow)]
"""Filters that must all pass; an empty list lets every event pass."""
