"""Kubernetes' rules for a structural schema, written from their text and not from our generator.

From "Extend the Kubernetes API with CustomResourceDefinitions" ("Specifying a structural schema",
"Defaulting") and the fields of apiextensions `v1.JSONSchemaProps`. `violations` returns sentences,
so that a failing test shows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

TYPES = {"array", "boolean", "integer", "object", "string"}  # number: no floats in a spec
FIELDS: dict[str, type | tuple[type, ...]] = {
    "description": str,
    "type": str,
    "default": object,
    "maximum": int,
    "exclusiveMaximum": bool,
    "minimum": int,
    "exclusiveMinimum": bool,
    "maxLength": int,
    "minLength": int,
    "pattern": str,
    "maxItems": int,
    "minItems": int,
    "multipleOf": int,
    "enum": list,
    "maxProperties": int,
    "minProperties": int,
    "required": list,
    "items": dict,
    "properties": dict,
    "additionalProperties": dict,
}
VALUES = {"array": list, "boolean": bool, "integer": int, "object": dict, "string": str}


def violations(schema: Schema, path: str = "spec") -> Iterator[str]:
    """Yield a sentence for each rule that `schema` breaks."""
    for name, value in schema.items():
        if name.startswith("x-kubernetes-"):
            continue
        if name not in FIELDS:
            yield f"{path}: {name} is no field of a structural schema"
        elif not isinstance(value, FIELDS[name]) or (
            FIELDS[name] is int and isinstance(value, bool)
        ):
            yield f"{path}: {name} is {value!r}"
    kind = schema.get("type")
    if kind not in TYPES:
        yield f"{path}: has the type {kind!r}"
        return
    if not schema.get("description") and path.count(".") and not path.endswith(("[]", ".*")):
        yield f"{path}: has no description"
    if "properties" in schema and "additionalProperties" in schema:
        yield f"{path}: has properties and additionalProperties"
    if kind == "array" and "items" not in schema:
        yield f"{path}: has no items"
    if kind == "array" and "maxItems" not in schema:
        yield f"{path}: has no bound"
    if kind != "array" and "items" in schema:
        yield f"{path}: has items"
    required = schema.get("required", [])
    if "required" in schema and (not required or len(set(required)) != len(required)):
        yield f"{path}: requires {required}"
    for name in required:
        if name not in schema.get("properties", {}):
            yield f"{path}: requires {name}, which it does not have"
    for name, value in schema.get("properties", {}).items():
        yield from violations(value, f"{path}.{name}")
    if "items" in schema:
        yield from violations(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from violations(schema["additionalProperties"], f"{path}.*")
    if "pattern" in schema:
        yield from unportable(schema["pattern"], path)
    if "default" in schema:
        yield from mismatches(schema["default"], schema, f"{path} default")


def unportable(pattern: str, path: str) -> Iterator[str]:
    """Yield what RE2 and ECMA-262 do not both understand in a pattern."""
    re.compile(pattern)
    for construct in ("(?=", "(?!", "(?<", "(?P", "(?i", "(?>", "\\A", "\\Z", "\\z", "\\p", "*+"):
        if construct in pattern:
            yield f"{path}: its pattern has {construct}"
    if re.search(r"\\[1-9]", pattern):
        yield f"{path}: its pattern has a back reference"


def mismatches(value: object, schema: Schema, path: str) -> Iterator[str]:
    """Yield why `value` is not valid, or would be pruned, under `schema`."""
    expected = VALUES[schema["type"]]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        yield f"{path}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match"
    if isinstance(value, int) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            yield f"{path}: {value!r} is out of bounds"
    if isinstance(value, list):
        for item in value:
            yield from mismatches(item, schema["items"], f"{path}[]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, inner in value.items():
            below = properties.get(name, schema.get("additionalProperties"))
            if below is None:
                yield f"{path}: {name} would be pruned"
            else:
                yield from mismatches(inner, below, f"{path}.{name}")
        # Nested defaults apply first, so only what has none must be there.
        for name in schema.get("required", []):
            if name not in value and "default" not in properties[name]:
                yield f"{path}: lacks {name}"
