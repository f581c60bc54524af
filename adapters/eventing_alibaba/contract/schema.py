"""The structural OpenAPI schema of a model, as a CustomResourceDefinition carries it.

Pydantic writes JSON Schema; a CRD takes a narrow dialect of it, and some of what it does not take
it drops or reads differently without a word: `format: duration` is checked as a Go duration,
`exclusiveMinimum` is a boolean, a field that only a `$ref` describes does not exist. So the schema
is not patched but built anew: each node is read, reduced to one type, and written with those
keywords only that were understood. Everything else is refused while the schema is generated, with a
sentence naming the field, because on a user's API server it would be found too late.

What is changed on the way: references are written out; `Optional` loses its null, since an API
server prunes nulls by itself; numeric `exclusiveMinimum` and `exclusiveMaximum` become the boolean
form; a single literal becomes an `enum`; a default is reduced to what nested defaults do not say
already (mostly `{}`, which makes them apply); fields marked standalone are left out.

The rules are Kubernetes' own: "Extend the Kubernetes API with CustomResourceDefinitions", section
"Specifying a structural schema", and apiextensions `v1.JSONSchemaProps`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

Schema: TypeAlias = dict[str, Any]

_BOUNDS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength", "pattern"),
    "integer": ("minimum", "maximum", "multipleOf"),
    "boolean": (),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_HANDLED: Final = {
    *("type", "enum", "const", "default", "description", "title", "examples"),
    *("exclusiveMinimum", "exclusiveMaximum", "items", "properties", "required"),
    *("additionalProperties", "$defs"),
    *(keyword for bounds in _BOUNDS.values() for keyword in bounds),
}
_WHY: Final[Mapping[str, str]] = {
    "format": "the API server checks formats in its own way; use text with a pattern",
    "oneOf": "a field has one type",
    "allOf": "a field has one type",
    "discriminator": "a field has one type",
    "patternProperties": "use a mapping and check its names in a validator",
    "propertyNames": "use a mapping and check its names in a validator",
    "prefixItems": "use a list of one type",
    "uniqueItems": "use a list with `x-kubernetes-list-type: set`",
    "deprecated": "say it in the description",
    "readOnly": "what users cannot write belongs to the status",
    "writeOnly": "what users cannot read belongs to a Secret",
}
_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_COMMON_ESCAPES: Final = frozenset("dDwWsSbBtnrfv")
_REPEAT: Final = re.compile(r"\{(\d*),?(\d*)\}")
_MOST_REPEATS: Final = 1000
_ABSENT: Final = object()


class NotStructuralError(TypeError):
    """A model says something that a structural schema cannot say."""


def structural(model: type[BaseModel], *, path: str = "spec") -> Schema:
    """Return the structural schema of `model`, an object's schema; pure.

    `path` is what the root is called in errors. Raises NotStructuralError with a sentence that
    names the field and what to write instead.
    """
    try:
        document = model.model_json_schema(by_alias=True, mode="validation")
    except PydanticInvalidForJsonSchema as error:
        _refuse(path, f"cannot be a schema: {error.message}")
    if "$ref" not in document and document.get("type") != "object":
        _refuse(path, "must be an object at its root")
    return _Builder(document.get("$defs", {})).node(document, path, ())


class _Builder:
    """Builds nodes; holds the definitions that references point to."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def node(self, raw: Schema, path: str, within: tuple[str, ...]) -> Schema:
        """Return the structural form of `raw`, which stands inside the references `within`."""
        raw, within = self._plain(raw, path, within)
        for keyword in raw:
            if keyword not in _HANDLED and not keyword.startswith("x-kubernetes-"):
                why = _WHY.get(keyword, "a structural schema does not know it")
                _refuse(path, f"has the keyword `{keyword}` ({_shown(raw[keyword])}): {why}")
        kind = raw.get("type")
        if kind == "number":
            _refuse(path, "is a float: use an integer with its unit in the name, or text")
        if not isinstance(kind, str) or kind not in _BOUNDS:
            _refuse(path, f"has the type {_shown(kind)}: a field has exactly one type")
        built: Schema = {}
        if "description" in raw:
            built["description"] = _flowed(raw["description"])
        built["type"] = kind
        values = [raw["const"]] if "const" in raw else raw.get("enum")
        if values is not None:
            built["enum"] = list(values)
        built.update({bound: raw[bound] for bound in _BOUNDS[kind] if bound in raw})
        if kind == "integer":
            _exclusive(raw, built)
        elif kind == "string" and "pattern" in built:
            _check_pattern(built["pattern"], path)
        elif kind == "array":
            if not raw.get("items"):
                _refuse(path, "is a list of anything: say what it holds")
            built["items"] = self.node(raw["items"], f"{path}[]", within)
        elif kind == "object":
            self._object(raw, built, path, within)
        built.update({name: raw[name] for name in raw if name.startswith("x-kubernetes-")})
        default = _default(raw, built)
        if default is not _ABSENT:
            built["default"] = default
        return built

    def _plain(
        self, raw: Schema, path: str, within: tuple[str, ...]
    ) -> tuple[Schema, tuple[str, ...]]:
        """Return `raw` with its reference written out and its null taken off."""
        while "$ref" in raw or "anyOf" in raw:
            if "$ref" in raw:
                name = raw["$ref"].rpartition("/")[2]
                if name in within:
                    _refuse(path, f"contains itself by way of {name}: a schema has an end")
                within = (*within, name)
                inner = self._definitions[name]
            else:
                forms = [form for form in raw["anyOf"] if form.get("type") != "null"]
                if len(forms) != 1:
                    _refuse(path, f"is a union of {len(forms)} forms: a field has one type")
                inner = forms[0]
            rest = {name: value for name, value in raw.items() if name not in ("$ref", "anyOf")}
            raw = {**inner, **rest}
        return raw, within

    def _object(self, raw: Schema, built: Schema, path: str, within: tuple[str, ...]) -> None:
        values = raw.get("additionalProperties")
        if isinstance(values, dict) and values:
            if raw.get("properties"):
                _refuse(path, "has fields of its own and any others: it is one or the other")
            built["additionalProperties"] = self.node(values, f"{path}.*", within)
            return
        preserved = raw.get("x-kubernetes-preserve-unknown-fields") is True
        if "properties" not in raw and not preserved:
            _refuse(path, "is a mapping of anything: say what its values are")
        if values not in (None, False) and not preserved:
            _refuse(path, "accepts unknown fields: the API server would drop them")
        properties = {
            name: field
            for name, field in raw.get("properties", {}).items()
            if field.get("x-standalone") is not True
        }
        for name in properties:
            if not _FIELD_NAME.fullmatch(name):
                _refuse(f"{path}.{name}", "is not camelCase")
        if properties:
            built["properties"] = {
                name: self.node(field, f"{path}.{name}", within)
                for name, field in properties.items()
            }
        required = [name for name in raw.get("required", ()) if name in properties]
        if required:
            built["required"] = required


def _exclusive(raw: Schema, built: Schema) -> None:
    """A CRD says "exclusive" with a boolean beside the bound, and has one bound on a side."""
    for exclusive, bound, tighter in (
        ("exclusiveMinimum", "minimum", max),
        ("exclusiveMaximum", "maximum", min),
    ):
        if exclusive not in raw:
            continue
        edge = raw[exclusive]
        if bound not in raw or tighter(edge, raw[bound]) == edge:
            built[bound] = edge
            built[exclusive] = True


def _default(raw: Schema, built: Schema) -> object:
    """Return the default to write, without what nested defaults say; `_ABSENT` for none."""
    value = raw.get("default")
    return _ABSENT if value is None else _reduced(value, built)


def _reduced(value: object, built: Schema) -> object:
    properties = built.get("properties")
    if isinstance(value, list):
        return [_reduced(item, built["items"]) for item in value]
    if not isinstance(value, dict) or properties is None:
        return value
    said: dict[str, object] = {}
    for name, inner in value.items():
        if inner is None or name not in properties:
            continue
        short = _reduced(inner, properties[name])
        implied = properties[name].get("default", _ABSENT)
        if short != implied and not (implied is _ABSENT and short in ({}, [])):
            said[name] = short
    return said


def _check_pattern(pattern: str, path: str) -> None:
    """Refuse what Go's RE2 (API server), Rust's engine (pydantic) and ECMA's do not read alike."""
    for escaped in _ESCAPE.findall(pattern):
        if escaped.isalnum() and escaped not in _COMMON_ESCAPES:
            _refuse(path, rf"has \{escaped} in its pattern, which RE2 and ECMA do not share")
    bare = _ESCAPE.sub("", pattern)
    group = re.search(r"\(\?(?!:)", bare)
    if group is not None:
        _refuse(path, f"has {bare[group.start() :][:4]!r} in its pattern: only (...) and (?:...)")
    if "[[:" in bare:
        _refuse(path, "has a POSIX class in its pattern, which ECMA does not know")
    if re.search(r"[*+?}]\+", bare):
        _refuse(path, "has a possessive quantifier in its pattern, which RE2 does not know")
    for low, high in _REPEAT.findall(bare):
        if low == "" or max(int(low), int(high or 0)) > _MOST_REPEATS:
            _refuse(path, "has a repetition in its pattern that RE2 refuses: {0} to {1000}")
    try:
        re.compile(pattern)
    except re.error as error:
        _refuse(path, f"has the pattern {pattern!r}, which does not compile: {error}")


def _flowed(text: str) -> str:
    """Join the lines of each paragraph: the width of the source code is not part of the text."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _refuse(path: str, why: str) -> NoReturn:
    raise NotStructuralError(f"{path}: {why}")
