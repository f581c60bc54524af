"""Reference tables as Markdown, made from the code they describe. Pure.

Nothing is written twice: fields, defaults and descriptions of a manifest come from its models,
metrics from what an adapter would answer, help texts from the commands. What has no description
where it is defined is refused, so that a table cannot have a gap.
"""  # noqa: INP001 - Sphinx finds extensions by path

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from pydantic import BaseModel

from eventing_alibaba.contract.duration import PATTERN as DURATION
from eventing_alibaba.flow.counters import Counters
from eventing_alibaba.runtime import names, run
from eventing_alibaba.runtime.telemetry import Telemetry

SECRET: Final = "SecretReference"  # noqa: S105 - a model's name

VARIABLES: Final[Mapping[str, str]] = {
    names.SINK: "URL that events go to; used instead of `spec.sink`.",
    names.CA_CERTS: "PEM certificates to trust for the sink, besides the system's.",
    names.AUDIENCE: "OIDC audience of the sink: requests carry the token for it.",
    names.SINK_TIMEOUT: "Seconds the sink may take; instead of the default of"
    " `spec.delivery.timeout`, never instead of one that was written.",
    names.OVERRIDES: 'JSON such as `{"extensions": {"name": "value"}}`; goes over'
    " `spec.ceOverrides`, name by name.",
    names.SOURCE_CONFIG: "The source object as JSON, for `run` without `-f`. Unknown fields in it"
    " are passed over with a warning.",
    names.LOGGING_CONFIG: "Knative's logging configuration; the level is read from it.",
    names.COMPONENT: "Name whose own level in `K_LOGGING_CONFIG` counts.",
    names.NAMESPACE: "Namespace of a source object that names none.",
    names.NAME: "Name of a source object that has none.",
    names.SECRETS: "Directory with a directory for each Secret and a file for each key; `--secrets`"
    " goes before it.",
    names.HOST: "Address that health and metrics are served on; all if empty.",
    names.PORT: f"Port of health and status; {names.DEFAULT_PORT}.",
    names.METRICS_PORT: f"Port of the metrics; {names.DEFAULT_METRICS_PORT}.",
    names.LOG_FORMAT: "`json` or `text`; text on a terminal, else JSON.",
    names.LOG_LEVEL: "`debug`, `info`, `warn` or `error`; goes before `K_LOGGING_CONFIG`.",
    names.TOKEN_FILE: "File of the OIDC token for the sink's audience, read anew when it changes;"
    f" `{names.DEFAULT_TOKEN_FILE}`.",
    names.DEAD_LETTER_TOKEN_FILE: "The same for the dead-letter sink's audience, where that is"
    " another.",
    names.TERMINATION_LOG: "File that takes the last words of a process that gives up;"
    f" `{names.DEFAULT_TERMINATION_LOG}`.",
    names.CONTROL: "Path of the socket by which `skip` reaches the adapter; else a name made of the"
    " object's in the directory `TMPDIR`, or `/tmp`.",
}

_BOUNDS: Final = (("minimum", "≥"), ("maximum", "≤"))


class IncompleteError(ValueError):
    """Something is not described where it should be; the text says what and where."""


def fields(model: type[BaseModel], *, beside: type[BaseModel] | None = None) -> str:
    """Return a table of the fields of a model, those of nested models with their path.

    Fields that `beside`, a base of it, has too are left out.
    """
    schema = model.model_json_schema(by_alias=True)
    for name in beside.model_json_schema(by_alias=True)["properties"] if beside else ():
        del schema["properties"][name]
    rows = _fields(schema, schema.get("$defs", {}), "")
    return _table(("field", "type", "default", ""), rows)


def variables() -> str:
    """Return a table of the environment variables."""
    known = {
        value
        for name, value in vars(names).items()
        if name.isupper() and not name.startswith("DEFAULT_")
    }
    if known != set(VARIABLES):
        raise IncompleteError(
            f"docs/_ext/tables.py and runtime/names.py differ in {sorted(known ^ set(VARIABLES))}"
        )
    return _table(("variable", ""), ((f"`{name}`", text) for name, text in VARIABLES.items()))


def metrics(own: Iterable[str] = ()) -> str:
    """Return a table of what `/metrics` has; `own` are counters of sources."""
    rows = []
    for metric in _telemetry(own).collect():
        sample = next(s for s in metric.samples if not s.name.endswith(("_bucket", "_created")))
        name = sample.name.removesuffix("_count").removesuffix("_sum")
        labels = ", ".join(f"`{label}`" for label in sample.labels)
        rows.append((f"`{name}`", metric.type, labels, metric.documentation))
    return _table(("metric", "type", "labels", ""), rows)


def reasons(table: Iterable[Any]) -> str:
    """Return a table of a source's reasons, from its table of errors."""
    rows = {
        (f"`{row.reason}`", f"`{row.signal.__name__}`", row.sentence): None
        for row in sorted(table, key=lambda row: row.reason)
    }
    return _table(("reason", "signal", "sentence"), rows)


def help_text(*command: str) -> str:
    """Return what a command says to `--help`."""
    answer = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "eventing_alibaba", *command, "--help"],
        env={**os.environ, "COLUMNS": "96", "NO_COLOR": "1"},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return answer.stdout


def found(path: str) -> Any:
    """Return the object at `package.module:Name`."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _telemetry(own: Iterable[str]) -> Telemetry:
    """Make the telemetry of an adapter that has counted one of everything."""
    counters = Counters()
    counters.attempts["5xx"] = 1
    counters.settle("acked")
    counters.error("receiving", "Disconnected")
    for name in own:
        counters.count(name, 1)
    nothing: Any = SimpleNamespace(held=None)
    gauges = {name: lambda: 0.0 for name in run._gauges(nothing, nothing, nothing)}
    return Telemetry(
        counters,
        kind="Kind",
        source="namespace/name",
        gauges=gauges,
        breaker=lambda: "closed",
    )


def _fields(schema: Any, known: Mapping[str, Any], path: str) -> Iterator[Sequence[str]]:
    required = schema.get("required", ())
    for name, raw in schema["properties"].items():
        where = f"{path}{name}"
        node, model = _resolved(raw, known)
        # A field that only repeats what its model says is written without a description.
        text = raw.get("description") or node.get("description")
        if not text:
            raise IncompleteError(f"the field {where} has no description")
        default = "required" if name in required else _default(raw)
        nested = "properties" in node and model != SECRET
        shown = "" if nested else _type(node, model)
        yield f"`{where}`", shown, "" if nested and default != "required" else default, _flow(text)
        if nested:
            yield from _fields(node, known, f"{where}.")
        elif item := node.get("items", {}).get("$ref"):
            yield from _fields(known[item.rpartition("/")[2]], known, f"{where}[].")


def _resolved(raw: Any, known: Mapping[str, Any]) -> tuple[Any, str]:
    """Take reference and null away; return the node, and the name of the model it is."""
    choices = [one for one in raw.get("anyOf", (raw,)) if one.get("type") != "null"]
    node = {**raw, **choices[0]}
    reference = node.get("$ref", "")
    if not reference:
        return node, ""
    name = reference.rpartition("/")[2]
    return known[name], name


def _type(node: Any, model: str) -> str:
    if model == SECRET:
        return "[secret](#secrets)"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return "filter" if node.get("title") != "Spec" else "object"
    kind = node["type"]
    if kind == "array":
        if "$ref" in node["items"]:
            return "list"
        return f"list of {_type(node['items'], '')}"
    if kind == "object":
        return "text by name"
    if kind == "integer":
        bounds = " ".join(f"{sign} {node[word]}" for word, sign in _BOUNDS if word in node)
        return f"whole number {bounds}".strip()
    if kind == "boolean":
        return "true or false"
    return "duration" if node.get("pattern") == DURATION else "text"


def _default(raw: Any) -> str:
    default = raw.get("default")
    if default is None or default == {}:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _flow(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A pipe within a cell would begin the next one.
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
