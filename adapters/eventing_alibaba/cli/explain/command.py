"""The flags of `explain`, and what is printed."""

from __future__ import annotations

import argparse
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import yaml

from eventing_alibaba.cli.explain.fields import Field, UnknownFieldError, find, tree, walk
from eventing_alibaba.cli.main import complain
from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import CommonSpec, SourceSpec
from eventing_alibaba.runtime import kinds

_WIDEST: Final = 100
_LABEL: Final = 10

_EXAMPLES: Final = """\
examples:
  eventing-alibaba explain
      the kinds of sources that are installed
  eventing-alibaba explain AliKafkaSource
      a manifest to begin with, and all that a spec may have
  eventing-alibaba explain AliKafkaSource.delivery.retry
      one field: its type, default, limits, and an example
  eventing-alibaba explain AliKafkaSource.net --recursive
      all fields below one, a line each
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `explain`."""
    parser.epilog = _EXAMPLES
    what = parser.add_argument(
        "what",
        metavar="KIND[.FIELD]",
        nargs="?",
        help="a kind, or a field of it by its path, such as AliKafkaSource.net.tls",
    )
    what.completes = places  # type: ignore[attr-defined]
    parser.add_argument(
        "--recursive", action="store_true", help="only names and types, of all fields below"
    )


def execute(given: argparse.Namespace) -> int:
    """Print; return the exit code."""
    if given.what is None:
        print(_kinds())
        return 0
    name, _, path = given.what.partition(".")
    try:
        kind = _meant(name)
        model = kinds.spec_of(kind)
        root = tree(model)
        field = find(root, path)
    except (Misconfigured, UnknownFieldError) as error:
        return complain(str(error.args[0]), 2)
    if given.recursive:
        print("\n".join(_outline(field, 0)))
    elif field is root:
        print(_whole(kind, model, root))
    else:
        print(_one(kind, field))
    return 0


def places() -> list[str]:
    """Return everything that can be explained, for a shell to complete."""
    found = []
    for kind in kinds.installed():
        found.append(kind)
        try:
            root = tree(kinds.spec_of(kind))
        except Misconfigured:
            continue
        paths = (field.path.replace("[]", "").partition(".")[2] for field in walk(root))
        found += [f"{kind}.{path}" for path in paths]
    return found


def _meant(name: str) -> str:
    """Return the kind that was meant: its plural or another case will do."""
    by_lower = {kind.lower(): kind for kind in kinds.installed()}
    lower = name.lower()
    return by_lower.get(lower) or by_lower.get(lower.removesuffix("s")) or name


def _kinds() -> str:
    lines = ["kinds of sources:"]
    for kind in kinds.installed():
        try:
            purpose = _purpose(kinds.spec_of(kind))
        except Misconfigured as error:
            purpose = str(error)
        lines.append(f"  {kind:<18}{purpose}")
    first = next(iter(kinds.installed()), "KIND")
    lines += ["", f"eventing-alibaba explain {first} tells all about one of them."]
    return "\n".join(lines)


def _whole(kind: str, model: type[SourceSpec], root: Field) -> str:
    example = {field.name: field.example for field in root.fields if field.required}
    example |= {"sink": find(root, "sink").example}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": "orders"},
        "spec": example,
    }
    common = set(CommonSpec.model_json_schema(by_alias=True)["properties"])
    own = [field for field in root.fields if field.name not in common]
    shared = [field for field in root.fields if field.name in common]
    return "\n".join(
        (
            _label("KIND", f"{kind} ({API_VERSION})"),
            "",
            _wrapped(_purpose(model)),
            "",
            "A MANIFEST TO BEGIN WITH",
            _yaml(manifest),
            "",
            "FIELDS OF spec",
            *_listed(own),
            "",
            "FIELDS OF spec THAT ALL KINDS HAVE",
            *_listed(shared),
        )
    )


def _one(kind: str, field: Field) -> str:
    lines = [_label("KIND", f"{kind} ({API_VERSION})"), _label("FIELD", field.path)]
    lines.append(_label("TYPE", field.type + (", required" if field.required else "")))
    if field.default:
        lines.append(_label("DEFAULT", field.default))
    lines += [_label("LIMITS" if at == 0 else "", limit) for at, limit in enumerate(field.limits)]
    lines += ["", *map(_wrapped, field.description.split("\n\n"))]
    if field.example is not None:
        lines += ["", "EXAMPLE", _yaml(_nested(field))]
    if field.fields:
        lines += ["", "FIELDS", *_listed(field.fields)]
    return "\n".join(lines)


def _nested(field: Field) -> object:
    """Return the example where it stands in a manifest."""
    value: Any = field.example
    for at, step in enumerate(reversed(field.path.split("."))):
        name = step.removesuffix("[]")
        # A path ends with its own field, whose example is a list already if it is one.
        value = {name: [value] if step.endswith("[]") and at else value}
    return value


def _listed(fields: list[Field] | Any) -> Iterator[str]:
    for field in fields:
        said = "required" if field.required else field.default and f"default {field.default}"
        yield f"  {field.name} <{field.type}>{said and '  '}{said}"
        first = re.split(r"(?<=[.!?])\s", field.description, maxsplit=1)[0]
        yield _wrapped(first, indent=6)


def _outline(field: Field, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{field.name} <{field.type}>{' required' if field.required else ''}"
    for inner in field.fields:
        yield from _outline(inner, depth + 1)


def _purpose(model: type[SourceSpec]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())


def _label(name: str, text: str) -> str:
    return f"{name:<{_LABEL}}{text}"


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return textwrap.indent(text.rstrip("\n"), "  ")


def _wrapped(text: str, *, indent: int = 0) -> str:
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    margin = " " * indent
    return textwrap.fill(
        text,
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
