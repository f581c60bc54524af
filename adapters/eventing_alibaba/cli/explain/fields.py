"""The fields of a manifest as a tree of values that can be told, made from a model. Pure.

It is read from the model's JSON schema, which has descriptions, defaults, bounds and examples in
one place, and is reduced to words. An example is the first of the field's own `examples`; where it
has none, one is made of what the type allows, so that every field has something to copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from eventing_alibaba.contract.duration import PATTERN as DURATION
from eventing_alibaba.contract.problems import nearest
from eventing_alibaba.contract.secret import SecretReference

_SECRET: Final = SecretReference.__name__
_SECRET_EXAMPLE: Final = {"secretKeyRef": {"name": "orders", "key": "password"}}
_FREE: Final = "x-kubernetes-preserve-unknown-fields"
_INDEX: Final = re.compile(r"\[\d*\]")
_ABSENT: Final = object()


class UnknownFieldError(LookupError):
    """There is no such field; the text is a sentence that says what was probably meant."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        path: from the top of the object: `spec.filters[].exact`.
        name: as it is written.
        type: in words.
        required: it has to be written.
        default: what holds without it, as YAML text; "" = nothing.
        limits: what else a value must be, each in words.
        description: paragraphs.
        example: a value that can be written there; None = none is known.
        fields: what is in it; of a list, what is in its items.
        items: it is a list of objects.
    """

    path: str
    name: str
    type: str
    required: bool
    default: str
    limits: Sequence[str]
    description: str
    example: object
    fields: Sequence[Field]
    items: bool = False


def tree(model: type[BaseModel], *, name: str = "spec") -> Field:
    """Return the model as a field called `name`, with all that is in it."""
    schema = model.model_json_schema(by_alias=True)
    return _Reader(schema.get("$defs", {})).field(name, name, schema, required=True)


def find(root: Field, path: str) -> Field:
    """Return the field at `path`, with or without the root's name in front.

    Raises UnknownFieldError.
    """
    words = [word for word in _INDEX.sub("", path).split(".") if word]
    if words and words[0] == root.name:
        del words[0]
    here = root
    for word in words:
        inside = {field.name: field for field in here.fields}
        if word not in inside:
            raise UnknownFieldError(_unknown(root, here, word))
        here = inside[word]
    return here


def walk(root: Field) -> Iterator[Field]:
    """Yield all fields within `root`, each before what is in it."""
    for field in root.fields:
        yield field
        yield from walk(field)


def _unknown(root: Field, here: Field, word: str) -> str:
    names = [field.name for field in here.fields]
    start = f"{here.path}.{word}: is no field of {here.path}"
    if not names:
        return f"{start}, which is {here.type} and has no fields"
    if (meant := nearest(word, names)) is not None:
        return f"{start}; did you mean `{meant}`?"
    elsewhere = sorted((f.path for f in walk(root) if f.name == word), key=len)
    if elsewhere:
        return f"{start}; there is {elsewhere[0]}"
    return f"{start}, which has {', '.join(f'`{name}`' for name in names)}"


class _Reader:
    """Reads a schema; holds the definitions that its references point to."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known

    def field(self, path: str, name: str, raw: Mapping[str, Any], *, required: bool) -> Field:
        node, model = self._resolved(raw)
        item, item_model = self._resolved(node["items"]) if "items" in node else ({}, "")
        inside: list[Field] = []
        secret = _SECRET in (model, item_model)
        for owner, suffix in ((node, ""), (item, "[]")):
            needed = () if secret else owner.get("required", ())
            inside += [
                self.field(f"{path}{suffix}.{key}", key, value, required=key in needed)
                for key, value in owner.get("properties", {}).items()
            ]
        items = bool(item.get("properties"))
        return Field(
            path=path,
            name=name,
            type=_type(node, model, item, item_model),
            required=required,
            default="" if model else _written(raw.get("default")),
            limits=[*_limits(node), *(f"each {limit}" for limit in _limits(item))],
            description=_flowed(raw.get("description") or node.get("description") or ""),
            example=_example(raw, node, item, inside, secret=secret, items=items),
            fields=inside,
            items=items,
        )

    def _resolved(self, raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """Take reference and null away; return the node, and the name of the model it is."""
        choices = [one for one in raw.get("anyOf", (raw,)) if one.get("type") != "null"]
        node = {**raw, **choices[0]}
        reference = node.pop("$ref", "")
        if not reference:
            return node, ""
        name = reference.rpartition("/")[2]
        return self._known[name], name


def _type(node: Mapping[str, Any], model: str, item: Mapping[str, Any], item_model: str) -> str:
    if model == _SECRET:
        return "secret"
    if "enum" in node:
        return " or ".join(str(value) for value in node["enum"])
    if _FREE in node:
        return "filter"
    if node["type"] == "array":
        of = {"filter": "filters", "secret": "secrets", "object": "objects"}
        one = _type(item, item_model, {}, "")
        return f"list of {of.get(one, one)}"
    if node["type"] == "object":
        return "object" if "properties" in node else "text by name"
    if node["type"] == "string":
        return "duration" if node.get("pattern") == DURATION else "text"
    return {"integer": "whole number", "boolean": "true or false"}[node["type"]]


def _limits(node: Mapping[str, Any]) -> Iterator[str]:
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        if node.get("pattern") == DURATION or (unit == " entries" and "properties" in node):
            continue
        least, most = node.get(low), node.get(high)
        if least is not None and most is not None:
            yield f"{least} to {most}{unit}"
        elif most is not None:
            yield f"at most {most}{unit}"
        elif least is not None:
            yield f"at least {least}{unit}"
    if "pattern" in node and node["pattern"] != DURATION:
        yield f"must match {node['pattern']}"


def _example(
    raw: Mapping[str, Any],
    node: Mapping[str, Any],
    item: Mapping[str, Any],
    inside: Sequence[Field],
    *,
    secret: bool,
    items: bool,
) -> object:
    value = _plain(raw, node)
    if secret:
        value = _SECRET_EXAMPLE
    elif value is _ABSENT and inside:
        chosen = [field for field in inside if field.required] or inside[:1]
        value = {field.name: field.example for field in chosen}
    elif value is _ABSENT and item:
        value = _plain(item, item)
        value = _ABSENT if value is _ABSENT else [value]
    if value is _ABSENT:
        return None
    return [value] if items and not isinstance(value, list) else value


def _plain(raw: Mapping[str, Any], node: Mapping[str, Any]) -> object:
    """Return a value for one field by its own example, its default, or its type."""
    for source in (raw, node):
        if source.get("examples"):
            return source["examples"][0]
    default = raw.get("default")
    if default is not None and not isinstance(default, dict | list | bool):
        return default
    if "enum" in node:
        return node["enum"][0]
    kind = node.get("type")
    if kind == "boolean":
        return not default
    if kind == "integer":
        return node.get("minimum", 1)
    if kind == "string":
        return "PT30S" if node.get("pattern") == DURATION else "text"
    if kind == "object" and "properties" not in node:
        return {"name": "text"} if _FREE not in node else {"exact": {"type": "text"}}
    return _ABSENT


def _written(default: object) -> str:
    if default is None or isinstance(default, dict):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _flowed(text: str) -> str:
    """Join the lines of each paragraph: the width of the source code is not part of the text."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
