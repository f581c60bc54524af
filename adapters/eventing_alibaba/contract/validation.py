"""What users wrote, read into a model the way an API server reads it.

Values are checked as JSON and strictly: `retry: "10"` is refused, because a CRD's schema refuses it
too, and a manifest that runs on a laptop must not fail in the cluster. As there, a null means that
the field was not written; so `flow:` with nothing under it is a manifest like any other.

A file that a person wrote is refused when it has unknown fields: most of them are misspelt. What
an operator of another version hands over is read tolerantly: unknown fields are taken out and
named, so that an upgrade can go one Deployment at a time.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.fields import Location
from eventing_alibaba.contract.problems import problems, where

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)


class Invalid(Misconfigured):
    """A document does not fit its model.

    Attributes:
        problems: one sentence for each thing wrong; the error's text has them line by line.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems), reason="InvalidSpec")


def read(model: type[M], data: object, *, root: str = "spec") -> M:
    """Return `data`, a value as JSON has them, as a `model`.

    Raises Invalid with a sentence for each problem, unknown fields among them.
    """
    return _read(model, data, root, tolerant=False)[0]


def read_tolerantly(model: type[M], data: object, *, root: str = "spec") -> tuple[M, list[str]]:
    """Return the same, and the places of the unknown fields that were passed over, at any depth.

    Raises Invalid with a sentence for each other problem.
    """
    return _read(model, data, root, tolerant=True)


def _read(model: type[M], data: object, root: str, *, tolerant: bool) -> tuple[M, list[str]]:
    dropped: list[str] = []
    while True:
        try:
            read_model = model.model_validate_json(
                json.dumps(data), strict=True, by_alias=True, by_name=False
            )
        except ValidationError as error:
            found = error.errors(include_url=False)
            unknown = [_location(e) for e in found if tolerant and e["type"] == "extra_forbidden"]
            nulls = [_location(e) for e in found if _unwritten(e)]
            if not unknown and not nulls:
                raise Invalid(problems(error, model, root=root)) from None
            data = _without(data, unknown + nulls)
            dropped += [where(root, location) for location in unknown]
        else:
            return read_model, dropped


def _location(error: ErrorDetails) -> Location:
    return tuple(error["loc"])


def _unwritten(error: ErrorDetails) -> bool:
    """Whether the error is about the null of a mapping's key, which counts as not written."""
    location = error["loc"]
    return (
        error["input"] is None
        and error["type"] not in ("missing", "extra_forbidden")
        and bool(location)
        and isinstance(location[-1], str)
        and location[-1] != "[key]"
    )


def _without(data: object, locations: Iterable[Location]) -> object:
    """Return a copy of `data` in which `locations`, keys of mappings, are not there."""
    data = copy.deepcopy(data)
    for location in locations:
        holder: Any = data
        for part in location[:-1]:
            holder = holder[part]
        del holder[location[-1]]
    return data
