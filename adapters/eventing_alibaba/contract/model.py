"""The base of everything that users write."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

STANDALONE: Final[JsonDict] = {"x-standalone": True}
"""Marks a field that `run -f` understands and a cluster does not: the CRD leaves it out."""


class Model(BaseModel):
    """Base of all models: camelCase on the outside, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253),
    Field(examples=["orders"]),
]
"""A Kubernetes object's name."""
