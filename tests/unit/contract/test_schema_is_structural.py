"""What `structural` makes of models is what an API server takes."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, StringConstraints
from tests.unit.contract.structural_rules import violations

from eventing_alibaba.contract.duration import Duration
from eventing_alibaba.contract.schema import structural
from eventing_alibaba.contract.spec import STANDALONE, CommonSpec, Model, SecretReference

SPECS = {
    "CommonSpec": CommonSpec,
    **{entry.name: entry.load() for entry in entry_points(group="eventing_alibaba.sources")},
}


@pytest.mark.parametrize("kind", SPECS)
def test_every_registered_spec_is_structural(kind: str) -> None:
    """The schema of each installed kind breaks none of Kubernetes' rules."""
    assert list(violations(structural(SPECS[kind]))) == []


@pytest.mark.parametrize("kind", SPECS)
def test_a_schema_is_plain_json_and_comes_out_the_same_each_time(kind: str) -> None:
    """A generated file can be compared with the committed one."""
    once = json.dumps(structural(SPECS[kind]))
    assert once == json.dumps(structural(SPECS[kind]))


class Inner(Model):
    """An inner object."""

    size: Annotated[int, Field(gt=3, lt=9, multiple_of=2)] = 4
    """How large
    it is."""
    names: Annotated[list[Annotated[str, StringConstraints(max_length=9)]], Field(max_length=5)] = (
        Field(default_factory=list)
    )


class Outer(Model):
    """An outer object."""

    must: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    only: Literal["one"] = "one"
    either: Literal["a", "b"] | None = None
    inner: Inner = Inner()
    changed: Inner = Inner(size=6)
    maybe: Inner | None = None
    secret_word: SecretReference | None = None
    wait: Duration = "PT1S"
    labels: dict[str, Annotated[str, StringConstraints(max_length=5)]] = Field(
        default_factory=dict, max_length=3
    )
    local: str | None = Field(default=None, json_schema_extra=STANDALONE)
    ruled: str | None = Field(
        default=None, json_schema_extra={"x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    )


def properties() -> dict[str, Any]:
    """Return the fields of `Outer`'s schema."""
    found: dict[str, Any] = structural(Outer)["properties"]
    return found


def test_names_are_camel_case_and_required_ones_are_listed() -> None:
    """Users write aliases, and what has no default is required."""
    assert "secretWord" in properties()
    assert structural(Outer)["required"] == ["must"]


def test_references_are_written_out() -> None:
    """A `$ref` is forbidden: the object stands where it is used, each time."""
    text = json.dumps(structural(Outer))
    assert "$ref" not in text
    assert "$defs" not in text
    assert properties()["inner"]["properties"]["size"]["type"] == "integer"


def test_optional_is_the_type_alone_without_a_default() -> None:
    """`Optional` makes neither a union nor `default: null`."""
    assert properties()["either"] == {"type": "string", "enum": ["a", "b"]}
    assert properties()["maybe"]["type"] == "object"
    assert "default" not in properties()["maybe"]


def test_exclusive_bounds_become_booleans() -> None:
    """In a CRD `exclusiveMinimum` is a flag beside the bound."""
    size = properties()["inner"]["properties"]["size"]
    assert (size["minimum"], size["exclusiveMinimum"]) == (3, True)
    assert (size["maximum"], size["exclusiveMaximum"]) == (9, True)
    assert size["multipleOf"] == 2


def test_the_tighter_of_two_bounds_is_kept() -> None:
    """A CRD has one bound a side, so `ge=1, gt=3` is more than 3 and `ge=5, gt=3` at least 5."""

    class Both(Model):
        low: Annotated[int, Field(ge=1, gt=3)]
        high: Annotated[int, Field(ge=5, gt=3)]

    built = structural(Both)["properties"]
    assert built["low"] == {"type": "integer", "minimum": 3, "exclusiveMinimum": True}
    assert built["high"] == {"type": "integer", "minimum": 5}


def test_a_single_literal_is_an_enum() -> None:
    """`const` is no keyword of a CRD."""
    assert properties()["only"] == {"type": "string", "enum": ["one"], "default": "one"}


def test_an_object_default_says_only_what_nested_defaults_do_not() -> None:
    """`{}` makes nested defaults apply; what differs from them is said."""
    assert properties()["inner"]["default"] == {}
    assert properties()["changed"]["default"] == {"size": 6}


def test_bounds_of_text_lists_and_mappings_are_kept() -> None:
    """An API server's cost budget for rules depends on them."""
    assert properties()["must"] == {"type": "string", "minLength": 1, "maxLength": 63}
    assert properties()["inner"]["properties"]["names"]["maxItems"] == 5
    assert properties()["inner"]["properties"]["names"]["items"]["maxLength"] == 9
    assert properties()["labels"]["maxProperties"] == 3
    assert properties()["labels"]["additionalProperties"]["maxLength"] == 5


def test_durations_have_a_pattern_and_no_format() -> None:
    """The API server would read `format: duration` as Go's and refuse PT1S."""
    assert "format" not in properties()["wait"]
    assert properties()["wait"]["pattern"].startswith("^P")


def test_standalone_forms_are_left_out() -> None:
    """A cluster does not know a secret's `value`, `env` and `file`."""
    assert "local" not in properties()
    assert list(properties()["secretWord"]["properties"]) == ["secretKeyRef"]


def test_a_secret_reference_needs_its_key_in_a_cluster() -> None:
    """With the standalone forms gone, `{}` would say nothing: the CRD asks for `secretKeyRef`."""
    assert structural(SecretReference)["required"] == ["secretKeyRef"]


def test_descriptions_come_from_docstrings_without_their_line_breaks() -> None:
    """The width of the source code is not part of the text."""
    assert structural(Outer)["description"] == "An outer object."
    assert properties()["inner"]["properties"]["size"]["description"] == "How large it is."
    assert properties()["inner"]["description"] == "An inner object."


def test_kubernetes_own_keywords_pass() -> None:
    """A rule written in CEL at a field reaches the CRD."""
    assert properties()["ruled"]["x-kubernetes-validations"] == [{"rule": "self == oldSelf"}]


def test_titles_are_dropped() -> None:
    """Pydantic's titles repeat the name."""
    assert "title" not in json.dumps(structural(Outer)).lower()
