"""YAML text to plain values, each as `kubectl` would read it, with a line for every complaint.

Built from the parser's events rather than with PyYAML's loaders, for four reasons. A manifest is
read by two programs, so a scalar must mean what it means to kubectl: `2024-05-01T00:00:00Z` is text
and not a date, `12:30` text and not 750, `0x10` a number, `yes` a boolean. A key written twice is
an error, where a loader lets the last one win. Aliases are counted, so that nine lines cannot stand
for a billion values. And depth is bounded here, not by the interpreter's stack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeAlias

import yaml

from eventing_alibaba.contract.errors import Misconfigured

Value: TypeAlias = Any
"""None, bool, int, float, str, list or dict with text keys."""

_MOST_VALUES: Final = 100_000
_DEEPEST: Final = 64

_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE: Final = frozenset(
    {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
)
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,18})")
_RADIX: Final = re.compile(r"[-+]?0(?:x[0-9a-fA-F_]{1,16}|o?[0-7_]{1,21}|b[01_]{1,64})")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG: Final = "tag:yaml.org,2002:"
_UNSET: Final = object()
_MERGE: Final = object()


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value and the line, from 1, where it begins."""

    value: Value
    line: int


def documents(text: str, *, origin: str) -> list[Document]:
    """Return the documents of a YAML text, without empty ones.

    Raises Misconfigured with one sentence that begins with `origin`, line and column.
    """
    try:
        return list(_Reader(origin).read(yaml.parse(text, Loader=_PARSER)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it cannot be read"
        if mark is not None:
            _refuse_tab(text, mark.line, origin)
            at = f"{origin}, line {mark.line + 1}, column {mark.column + 1}"
            raise Misconfigured(f"{at}: this is no YAML: {problem}") from error
        raise Misconfigured(f"{origin}: this is no YAML: {problem}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise Misconfigured(
            f"{origin}, line {line}: the character U+{code:04X} is not allowed in YAML"
        ) from error


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    value: list[Value] | dict[str, Value]
    anchor: str | None
    count: int
    key: Any = _UNSET
    lines: dict[str, int] = field(default_factory=dict)
    merged: list[dict[str, Value]] = field(default_factory=list)


class _Reader:
    """Puts values together from events.

    Attributes:
        count: values so far, what aliases stand for included.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._value: Value = None
        self.count = 0

    def read(self, events: Iterable[yaml.Event]) -> Iterable[Document]:
        line = 1
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    line = _line(event) + bool(event.explicit)
                    self._anchors.clear()
                    self._value = None
                case yaml.DocumentEndEvent():
                    if self._value is not None:
                        yield Document(self._value, line)
                case yaml.ScalarEvent():
                    self._add(event, self._scalar(event), 1, event.anchor)
                case yaml.AliasEvent():
                    value, size = self._alias(event)
                    self._add(event, value, size, None)
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end(event)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        kind = "map" if mapping else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            self._refuse(event, f"the tag {event.tag} is not understood")
        if self._awaits_key():
            self._refuse(event, "a key must be text, not a list or mapping")
        if len(self._open) == _DEEPEST:
            self._refuse(event, f"nested deeper than {_DEEPEST} levels")
        self._open.append(_Open({} if mapping else [], event.anchor, self.count))

    def _end(self, event: yaml.Event) -> None:
        done = self._open.pop()
        for source in done.merged:
            assert isinstance(done.value, dict)
            for key, value in source.items():
                done.value.setdefault(key, value)
        size = self.count - done.count + 1
        self.count = done.count  # `_add` counts it as a whole
        self._add(event, done.value, size, done.anchor)

    def _add(self, event: yaml.Event, value: Value, size: int, anchor: str | None) -> None:
        self.count += size
        if self.count > _MOST_VALUES:
            self._refuse(event, f"it stands for over {_MOST_VALUES} values")
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if not self._open:
            self._value = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is _UNSET:
            self._key(event, top)
        elif top.key is _MERGE:
            top.key = _UNSET
            self._merge(event, value, top)
        else:
            top.value[top.key] = value
            top.key = _UNSET

    def _awaits_key(self) -> bool:
        if not self._open:
            return False
        top = self._open[-1]
        return isinstance(top.value, dict) and top.key is _UNSET

    def _key(self, event: yaml.Event, top: _Open) -> None:
        """A key is the text as it stands, whatever it would be as a value."""
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "a key must be text, not an alias")
        key = event.value
        if key == "<<" and event.implicit[0]:
            top.key = _MERGE
            return
        if key in top.lines:
            first = top.lines[key]
            self._refuse(event, f"`{key}` is already set in line {first}")
        top.lines[key] = _line(event)
        top.key = key

    def _merge(self, event: yaml.Event, value: Value, top: _Open) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._refuse(event, "`<<` takes a mapping or a list of mappings")
        top.merged += sources

    def _alias(self, event: yaml.AliasEvent) -> tuple[Value, int]:
        if self._awaits_key():
            self._refuse(event, "a key must be text, not an alias")
        found = self._anchors.get(event.anchor or "")
        if found is None:
            why = f"the alias *{event.anchor} has no anchor &{event.anchor} that ends before it"
            self._refuse(event, why)
        return found

    def _scalar(self, event: yaml.ScalarEvent) -> Value:
        tag, text = event.tag, event.value
        if tag == _TAG + "str" or tag == "!" or (tag is None and not event.implicit[0]):
            return text
        if tag is not None and tag not in (_TAG + n for n in ("null", "bool", "int", "float")):
            self._refuse(event, f"the tag {tag} is not understood")
        return resolved(text)

    def _refuse(self, event: yaml.Event, why: str) -> NoReturn:
        column = event.start_mark.column + 1 if event.start_mark else 1
        raise Misconfigured(f"{self._origin}, line {_line(event)}, column {column}: {why}")


def resolved(text: str) -> bool | int | float | str | None:
    """Return what a plain scalar means to kubectl."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _DECIMAL.fullmatch(text):
        return int(text.replace("_", ""))  # go-yaml takes them wherever they stand
    if _RADIX.fullmatch(text):
        digits = text.lower().replace("_", "")
        octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
        try:
            return int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
        except ValueError:  # only underscores after the prefix
            return text
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _refuse_tab(text: str, line: int, origin: str) -> None:
    lines = text.split("\n")
    for number in (line, line - 1):
        written = lines[number] if 0 <= number < len(lines) else ""
        if "\t" in written[: len(written) - len(written.lstrip())]:
            raise Misconfigured(
                f"{origin}, line {number + 1}: it is indented with a tab; YAML takes spaces only"
            )


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
