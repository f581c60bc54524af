"""What a structural schema cannot say is refused when it is generated, naming the field."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, create_model

from eventing_alibaba.contract.schema import NotStructuralError, structural
from eventing_alibaba.contract.spec import Model


def holding(annotation: Any, **field: Any) -> type[BaseModel]:
    """Return a model with the field `factor`, inside another as `inner`."""
    inner = create_model("Inner", __base__=Model, factor=(annotation, Field(**field)))
    return create_model("Outer", __base__=Model, inner=(inner, ...))


class Cat(Model):
    kind: Literal["cat"]


class Dog(Model):
    kind: Literal["dog"]


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (float, "is a float"),
        (Decimal, "is a union of 2 forms"),
        (int | str, "is a union of 2 forms"),
        (Cat | Dog, "is a union of 2 forms"),
        (Literal["a", 1], "has the type None"),
        (dt.timedelta, "has the keyword `format` ('duration')"),
        (dt.datetime, "has the keyword `format` ('date-time')"),
        (uuid.UUID, "has the keyword `format` ('uuid')"),
        (bytes, "has the keyword `format` ('binary')"),
        (set[str], "has the keyword `uniqueItems`"),
        (tuple[int, str], "has the keyword `prefixItems`"),
        (dict[str, Any], "is a mapping of anything"),
        (dict[Annotated[str, StringConstraints(pattern="^a$")], int], "`patternProperties`"),
        (list[Any], "is a list of anything"),
        (Any, "has the type None"),
        (None, "has the type 'null'"),
    ],
    ids=str,
)
def test_a_type_without_a_structural_form_is_refused(annotation: Any, said: str) -> None:
    """Floats, unions, formats, sets, tuples and open values are refused by the field's name."""
    with pytest.raises(NotStructuralError, match=re.escape(said)) as caught:
        structural(holding(annotation))
    assert str(caught.value).startswith("spec.inner.factor: ")


def test_a_discriminated_union_is_refused() -> None:
    """Kubernetes knows no discriminator."""
    with pytest.raises(NotStructuralError, match=r"oneOf|discriminator"):
        structural(holding(Cat | Dog, discriminator="kind"))


@pytest.mark.parametrize(
    "extra", [{"format": "int32"}, {"readOnly": True}, {"not": {}}, {"nullable": True}], ids=str
)
def test_keywords_that_were_not_understood_are_refused(extra: dict[str, Any]) -> None:
    """Nothing is passed on just because somebody wrote it."""
    with pytest.raises(NotStructuralError, match=next(iter(extra))):
        structural(holding(int, json_schema_extra=extra))


def test_deprecated_is_refused() -> None:
    """A CRD's schema must not have the keyword."""
    with pytest.raises(NotStructuralError, match="say it in the description"):
        structural(holding(int, deprecated=True))


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?P<a>x)$",
        r"^(?i)x$",
        r"^a(?=b)",
        r"(a)\1",
        r"^\pL$",
        r"^x\z",
        r"^[[:alpha:]]$",
        r"^.{0,1001}$",
        r"^a++$",
        r"^a{,3}$",
        r"^(a$",
    ],
)
def test_patterns_that_engines_read_differently_are_refused(pattern: str) -> None:
    """The API server's RE2 and pydantic's engine must agree on every pattern."""
    with pytest.raises(NotStructuralError, match=r"spec\.inner\.factor: has "):
        structural(holding(str, json_schema_extra={"pattern": pattern}))


@pytest.mark.parametrize("pattern", [r"^(?:a|b)\d{1,1000}[.\-\\]$", r"^\(\?=$", r"^[a-z]+?$"])
def test_portable_patterns_pass(pattern: str) -> None:
    """Groups without capture, escapes and lazy repeats mean the same everywhere."""
    schema = structural(holding(str, json_schema_extra={"pattern": pattern}))
    assert schema["properties"]["inner"]["properties"]["factor"]["pattern"] == pattern


def test_open_models_are_refused() -> None:
    """The API server would drop the fields that the model lets through."""

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

        a: int = 1

    with pytest.raises(NotStructuralError, match="accepts unknown fields"):
        structural(Open)


class Tree(Model):
    """A model inside itself."""

    size: int = 1
    child: Tree | None = None


def test_recursion_is_refused() -> None:
    """A schema without references cannot contain itself."""
    with pytest.raises(NotStructuralError, match=r"spec\.child.*: contains itself by way of Tree"):
        structural(Tree)


def test_the_same_model_twice_is_no_recursion() -> None:
    """Two fields, one beside the other, may be of the same model."""

    class Leaf(Model):
        size: int = 1

    class Pair(Model):
        left: Leaf
        right: Leaf

    assert set(structural(Pair)["properties"]) == {"left", "right"}


def test_names_that_are_not_camel_case_are_refused() -> None:
    """An alias left out shows at generation."""

    class Snake(BaseModel):
        two_words: int

    with pytest.raises(NotStructuralError, match=r"spec\.two_words: is not camelCase"):
        structural(Snake)


def test_a_root_that_is_no_object_is_refused() -> None:
    """A spec is an object."""

    class Names(RootModel[list[str]]):
        """A list."""

    with pytest.raises(NotStructuralError, match="spec: must be an object"):
        structural(Names)


def test_the_root_is_called_as_asked() -> None:
    """A status has a schema too."""
    with pytest.raises(NotStructuralError, match=r"^status\.inner\.factor"):
        structural(holding(float), path="status")
