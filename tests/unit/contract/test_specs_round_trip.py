"""A spec survives the way from the operator to the adapter, and its schema tells the truth."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.unit.contract.models import ParcelSpec

from eventing_alibaba.contract.schema import structural
from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.contract.validation import read

SPECS: dict[str, Any] = {
    "ParcelSource": ParcelSpec,
    **{entry.name: entry.load() for entry in entry_points(group="eventing_alibaba.sources")},
}


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a structural schema accepts."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            low = schema.get("minimum", -(2**31)) + bool(schema.get("exclusiveMinimum"))
            high = schema.get("maximum", 2**31) - bool(schema.get("exclusiveMaximum"))
            return st.integers(low, high)
        case "array":
            most = min(schema.get("maxItems", 3), 3)
            return st.lists(
                valid(schema["items"]), min_size=schema.get("minItems", 0), max_size=most
            )
        case "object" if "additionalProperties" in schema:
            names = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
            least = schema.get("minProperties", 0)
            return st.dictionaries(
                names, valid(schema["additionalProperties"]), min_size=least, max_size=3
            )
        case "object" if "secretKeyRef" in schema.get("properties", {}):
            # Exactly one form is a rule beyond schemas; guessing it would waste most examples.
            return st.fixed_dictionaries(
                {"secretKeyRef": valid(schema["properties"]["secretKeyRef"])}
            )
        case "object" if schema.get("maxProperties") == 1 and "properties" in schema:
            # One of several dialects; what only the model knows of it, names and CESQL, is drawn
            # seldom right, and rules beyond schemas are told by `value_error`.
            dialects = schema["properties"].items()
            return st.one_of([st.fixed_dictionaries({n: valid(one)}) for n, one in dialects])
        case "object":
            fields = {name: valid(inner) for name, inner in schema.get("properties", {}).items()}
            required = {name: fields.pop(name) for name in schema.get("required", [])}
            return st.fixed_dictionaries(required, optional=fields)
    least, most = schema.get("minLength", 0), schema.get("maxLength", 30)
    if "pattern" in schema:
        matching = st.from_regex(schema["pattern"], fullmatch=True)
        ascii_only = matching.filter(lambda text: text.isascii() and "\n" not in text)
        return ascii_only.filter(lambda text: least <= len(text) <= most)
    return st.text(st.characters(codec="utf-8"), min_size=least, max_size=max(least, min(most, 30)))


STRATEGIES = {kind: valid(structural(model)) for kind, model in SPECS.items()}


@pytest.mark.parametrize("kind", SPECS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_spec_survives_json(kind: str, data: st.DataObject) -> None:
    """Spec → JSON by alias, defaults written or not → the same spec, and no field unknown."""
    model: type[SourceSpec] = SPECS[kind]
    written = data.draw(STRATEGIES[kind])
    problems = complaints(model, written)
    # The schema accepts no more than the model does, but for rules that models check by functions.
    assert {problem["type"] for problem in problems} <= {"value_error"}, problems
    assume(not problems)
    spec = read(model, written)
    for exclude_defaults in (False, True):
        text = spec.model_dump_json(by_alias=True, exclude_defaults=exclude_defaults)
        assert read(model, json.loads(text)) == spec


def complaints(model: type[SourceSpec], written: object) -> list[Any]:
    """Return pydantic's errors about what the schema accepted."""
    try:
        model.model_validate_json(json.dumps(written), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        return list(error.errors())
    return []
