"""What is wrong with a manifest, in sentences naming the field, the value seen and what to write.

    spec.flow.maxBytes: 1 is too small; must be at least 65536
    spec.flow.maxByte: is no field of `flow`; did you mean `maxBytes`?
    spec.delivery.timeout: '30s' is no ISO 8601 duration; write PT30S

Pydantic's own text is written for programmers and shows the input. Here the input is shown only
where it is a scalar and the model does not mark the place as secret; a mapping or list is named,
never printed, since something secret may be inside.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError

from eventing_alibaba.contract import duration
from eventing_alibaba.contract.fields import Location, Place, by_alias, choices, homes, place
from eventing_alibaba.contract.spec import SecretReference

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PATTERNS: Final[Mapping[str, str]] = {
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "lower-case letters, digits, `-` and `.`, with a letter "
    "or digit first and last",
    r"^[-._a-zA-Z0-9]+$": "letters, digits, `-`, `_` and `.`",
    r"^[a-z0-9]{1,20}$": "1 to 20 lower-case letters and digits",
}
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_GO_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhd]?)", re.IGNORECASE)
_LONGEST: Final = 48
_MOST_NAMES: Final = 16


def problems(error: ValidationError, model: type[BaseModel], *, root: str = "spec") -> list[str]:
    """Return one sentence for each error that pydantic found in what `model` was given.

    `root` is what the model's own place is called; "" for the top of a document.
    """
    return [
        f"{where(root, tuple(found['loc'])) or 'it'}: {_sentence(found, model, root)}"
        for found in error.errors(include_url=False)
    ]


def where(root: str, location: Location) -> str:
    """Return a location as users read it: `spec.topics[1]`."""
    text = root
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part == "[key]":
            continue
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{_cut(repr(part))}]"
    return text


def shown(value: object, *, secret: bool = False) -> str:
    """Return a value as an error may show it: short, one line, and nothing that may be secret."""
    text: str
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "true" if value else "false"
        case dict():
            text = "a mapping"
        case list() | tuple():
            text = "a list"
        case _ if secret:
            text = "a value (not shown)"
        case str() if "-----BEGIN" in value:
            text = "a PEM text"
        case str():
            text = _cut(repr(_USERINFO.sub("***", value)))
        case _:
            text = _cut(str(value))
    return text


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, if one is near."""
    by_lower = {candidate.lower().replace("_", ""): candidate for candidate in names}
    folded = name.lower().replace("_", "").replace("-", "")
    close = difflib.get_close_matches(folded, by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else None


def _sentence(found: ErrorDetails, model: type[BaseModel], root: str) -> str:
    location = tuple(found["loc"])
    here = place(model, location)
    if found["type"] == "extra_forbidden":
        return _unknown(location, model, here, root)
    say = _SENTENCES.get(found["type"])
    if say is None:
        return _other(found)
    return say(found.get("ctx", {}), found["input"], here)


def _unknown(location: Location, model: type[BaseModel], here: Place, root: str) -> str:
    name = str(location[-1])
    names = by_alias(here.owner) if here.owner is not None else {}
    inside = where(root, location[:-1]) or "the object"
    meant = nearest(name, names)
    if meant is not None:
        return f"is no field of {inside}; did you mean `{meant}`?"
    elsewhere = homes(model, name)
    if elsewhere:
        return f"is no field of {inside}; it belongs to {where(root, elsewhere[0]) or 'the object'}"
    return f"is no field of {inside}, which has {_names(names)}"


def _names(names: Iterable[str]) -> str:
    listed = [f"`{name}`" for name in names]
    if len(listed) > _MOST_NAMES:
        listed[_MOST_NAMES:] = ["..."]
    return ", ".join(listed) or "no fields"


def _missing(_context: Mapping[str, Any], _value: object, here: Place) -> str:
    accepted = choices(here.annotation)
    return f"is required; must be {_either(accepted)}" if accepted else "is required"


def _wrong_type(expected: str) -> Callable[[Mapping[str, Any], object, Place], str]:
    def say(_context: Mapping[str, Any], value: object, here: Place) -> str:
        if here.pattern == duration.PATTERN:
            return _pattern({}, value, here)
        hint = ""
        bare = expected in ("a whole number", "true or false") and isinstance(value, str)
        if bare and (str(value).isdecimal() or str(value).lower() in ("true", "false")):
            hint = ", without quotes"
        elif expected == "text" and isinstance(value, bool | int | float):
            hint = ": put it in quotes"
        elif expected == "a list" and isinstance(value, str):
            hint = ", one item a line, each after `- `"
        elif here.annotation is SecretReference:
            hint = ": say where the secret is, `secretKeyRef: {name: ..., key: ...}`"
        return f"must be {expected}{hint}; got {shown(value, secret=here.secret)}"

    return say


def _literal(_context: Mapping[str, Any], value: object, here: Place) -> str:
    accepted = choices(here.annotation)
    meant = nearest(value, map(str, accepted)) if isinstance(value, str) else None
    guess = f"; did you mean `{meant}`?" if meant else ""
    return f"must be {_either(accepted)}; got {shown(value, secret=here.secret)}{guess}"


def _either(accepted: Iterable[object]) -> str:
    return " or ".join(f"`{value}`" for value in accepted)


def _pattern(context: Mapping[str, Any], value: object, here: Place) -> str:
    pattern = str(context.get("pattern", here.pattern))
    seen = shown(value, secret=here.secret)
    if pattern == duration.PATTERN:
        return f"{seen} is no ISO 8601 duration; write {_as_iso(value) or 'PT30S, PT0.3S, PT5M'}"
    words = _PATTERNS.get(pattern)
    if words is not None:
        return f"{seen} must be made of {words}"
    return f"{seen} must match `{pattern}`"


def _as_iso(value: object) -> str | None:
    """Return the duration that a Go-like text or a bare number of seconds probably means."""
    match = _GO_DURATION.fullmatch(str(value).strip())
    if match is None:
        return None
    number, unit = match[1], match[2].lower()
    if unit == "ms":
        return f"PT{float(number) / 1000:g}S"
    if unit in ("", "s"):
        return f"PT{number}S"
    if "." in number:
        return None
    return f"P{number}D" if unit == "d" else f"PT{number}{unit.upper()}"


def _length(limit: str, comparison: str) -> Callable[[Mapping[str, Any], object, Place], str]:
    def say(context: Mapping[str, Any], value: object, here: Place) -> str:
        if here.pattern == duration.PATTERN:
            return _pattern({"pattern": here.pattern}, value, here)
        bound = context[limit]
        if isinstance(value, str):
            size = len(value)
            if size == 0:
                return "must not be empty"
            return f"has {size} characters; must have {comparison} {bound}"
        size = context.get("actual_length") or (len(value) if hasattr(value, "__len__") else 0)
        if size == 0:
            return f"is empty; must have {comparison} {bound}"
        return f"has {size} items; must have {comparison} {bound}"

    return say


def _bound(
    limit: str, verdict: str, comparison: str
) -> Callable[[Mapping[str, Any], object, Place], str]:
    def say(context: Mapping[str, Any], value: object, here: Place) -> str:
        seen = shown(value, secret=here.secret)
        return f"{seen} is too {verdict}; must be {comparison} {context[limit]}"

    return say


def _own(context: Mapping[str, Any], _value: object, _here: Place) -> str:
    """A validator of the model wrote it; it is a sentence already."""
    return str(context["error"])


def _other(found: ErrorDetails) -> str:
    text = found["msg"]
    return text[:1].lower() + text[1:]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_SENTENCES: Final[Mapping[str, Callable[[Mapping[str, Any], object, Place], str]]] = {
    "missing": _missing,
    "int_type": _wrong_type("a whole number"),
    "int_parsing": _wrong_type("a whole number"),
    "int_from_float": _wrong_type("a whole number"),
    "bool_type": _wrong_type("true or false"),
    "bool_parsing": _wrong_type("true or false"),
    "string_type": _wrong_type("text"),
    "list_type": _wrong_type("a list"),
    "tuple_type": _wrong_type("a list"),
    "dict_type": _wrong_type("a mapping"),
    "model_type": _wrong_type("a mapping"),
    "model_attributes_type": _wrong_type("a mapping"),
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _length("min_length", "at least"),
    "string_too_long": _length("max_length", "at most"),
    "too_short": _length("min_length", "at least"),
    "too_long": _length("max_length", "at most"),
    "greater_than": _bound("gt", "small", "greater than"),
    "greater_than_equal": _bound("ge", "small", "at least"),
    "less_than": _bound("lt", "large", "less than"),
    "less_than_equal": _bound("le", "large", "at most"),
    "value_error": _own,
}
