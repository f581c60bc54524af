"""Which field of a model a location of a validation error, or of a document, means.

Pydantic says where a value was wrong as a tuple of keys and indexes. To say it well one needs the
field behind it: which names its neighbours have, which words it accepts, and above all whether what
was written there may be shown. This walks the annotations along such a tuple.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eventing_alibaba.contract.spec import SecretReference

Location: TypeAlias = tuple[int | str, ...]

_SECRET_NAME: Final = re.compile(
    r"(?i)passw|passphrase|secret|token|credential|private|accesskey|signature|authori[sz]ation"
)
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """What a model says about one location.

    Attributes:
        annotation: the type of the value there, without `Optional`; None where the model has none.
        owner: the model that the last key is, or would be, a field of.
        pattern: the regular expression the text there must match.
        secret: what stands there must not be shown.
    """

    annotation: Any
    owner: type[BaseModel] | None
    pattern: str | None
    secret: bool


def place(model: type[BaseModel], location: Location) -> Place:
    """Return what `model` says about `location`."""
    annotation: Any = model
    owner: type[BaseModel] | None = None
    pattern: str | None = None
    secret = False
    for part in location:
        if isinstance(part, str) and _SECRET_NAME.search(part):
            secret = True
        owner = annotation if _is_model(annotation) else None
        if owner is not None:
            field = by_alias(owner).get(str(part))
            if field is None:
                return Place(None, owner, None, secret=secret)
            secret = secret or not field.repr
            annotation, pattern = _bare(field.annotation, field.metadata)
        else:
            arguments = get_args(annotation)
            if not arguments:
                return Place(None, None, None, secret=secret)
            mapping = get_origin(annotation) is dict
            annotation, pattern = _bare(arguments[1 if mapping else 0], ())
        secret = secret or annotation is SecretReference
    # Where a mapping with a secret in it belongs, a mere text is most likely that secret.
    secret = secret or (location != () and _holds_secrets(annotation, _DEEPEST))
    return Place(annotation, owner, pattern, secret=secret)


def by_alias(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the names users write."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def choices(annotation: object) -> tuple[object, ...]:
    """Return the values a `Literal` accepts; none for other types."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def homes(model: type[BaseModel], name: str) -> list[Location]:
    """Return where in `model` fields called `name` are, nearest first; lists are not searched."""
    found = [where for where, alias in _tree(model, (), _DEEPEST) if alias == name]
    return sorted(found, key=len)


def _tree(model: type[BaseModel], where: Location, depth: int) -> Iterator[tuple[Location, str]]:
    for alias, field in by_alias(model).items():
        yield where, alias
        annotation, _ = _bare(field.annotation, ())
        if _is_model(annotation) and depth:
            yield from _tree(annotation, (*where, alias), depth - 1)


def _holds_secrets(annotation: Any, depth: int) -> bool:
    annotation, _ = _bare(annotation, ())
    if annotation is SecretReference:
        return True
    inner = get_args(annotation)
    if _is_model(annotation):
        inner = tuple(field.annotation for field in annotation.model_fields.values())
    return depth > 0 and any(_holds_secrets(one, depth - 1) for one in inner)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _bare(annotation: Any, metadata: Iterable[object]) -> tuple[Any, str | None]:
    """Take `Optional` and `Annotated` off; return the type and the pattern that stood on it."""
    pattern = _pattern(metadata)
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *inner = get_args(annotation)
            pattern = pattern or _pattern(inner)
        elif origin in (Union, types.UnionType):
            kept: Sequence[Any] = [a for a in get_args(annotation) if a is not type(None)]
            annotation = kept[0]
        else:
            return annotation, pattern


def _pattern(metadata: Iterable[object]) -> str | None:
    for item in metadata:
        found = getattr(item, "pattern", None)
        if found is not None:
            return found if isinstance(found, str) else str(found.pattern)
    return None
