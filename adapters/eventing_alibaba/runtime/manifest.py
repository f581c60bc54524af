"""One source object, read from the file a person wrote or from what an operator handed over.

The same object comes two ways. `run -f` reads a YAML file: several documents are fine, exactly one
of them is the source; `kind: Secret` documents beside it stand in for the cluster's Secrets and
stay in memory; documents of other kinds (the service, say) are another program's.
`K_SOURCE_CONFIG` is the object as JSON, put there by an operator that may be a version ahead or
behind, so there unknown fields are passed over and named in `warnings`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, StringConstraints

from eventing_alibaba.contract.api import API_VERSION, GROUP
from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import Model, Name, SourceSpec
from eventing_alibaba.contract.validation import Invalid, read, read_tolerantly
from eventing_alibaba.runtime import kinds
from eventing_alibaba.runtime.documents import Document, documents

MOST_BYTES: Final = 3 * 1024 * 1024
"""An API server takes no larger request."""

Secrets = Mapping[str, Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A source object.

    Attributes:
        kind, name: of the object.
        namespace: None where the object names none.
        uid: None where it has none, because it was never in a cluster.
        spec: validated.
        origin: what errors call it: the file's name, or the environment variable's.
        secrets: Secrets from the same file, by name and key.
        warnings: sentences to log.
    """

    kind: str
    name: str
    namespace: str | None
    uid: str | None
    spec: SourceSpec
    origin: str
    secrets: Secrets = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()


class _Metadata(Model):
    """What is read of an object's metadata; the rest is Kubernetes' own."""

    model_config = ConfigDict(extra="ignore")

    name: Name | None = None
    namespace: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=63),
        ]
        | None
    ) = None
    uid: str | None = None


class _Object(Model):
    """The top of an object; `status` is there in what `kubectl get` prints."""

    api_version: str
    kind: str
    metadata: _Metadata = _Metadata()
    spec: dict[str, Any] = Field(default_factory=dict)
    status: Any = None


def load(path: Path | str, *, name: str | None = None) -> Manifest:
    """Read a manifest file; `-` is standard input. `name` is for an object that has none.

    Raises Misconfigured with a sentence, or one a line, naming file, place and what to do.
    """
    origin, data = _contents(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{origin}: byte {error.start + 1} is no UTF-8 text") from None
    found = documents(text, origin=origin)
    source = _the_source(found, origin)
    top = _top(source.value, f"{origin}, line {source.line}")
    model = _model(top.kind, origin)
    try:
        spec = read(model, top.spec)
    except Invalid as error:
        raise Invalid(f"{origin}: {problem}" for problem in error.problems) from None
    return Manifest(
        kind=top.kind,
        name=_named(top.metadata.name or name, origin),
        namespace=top.metadata.namespace,
        uid=top.metadata.uid,
        spec=spec,
        origin=origin,
        secrets=_secrets(found, top.metadata.namespace, origin),
    )


def from_config(text: str, *, origin: str, name: str | None = None) -> Manifest:
    """Read the JSON object that an operator put into the environment variable `origin`.

    Unknown fields are passed over, at any depth, and named in `warnings`. Raises Misconfigured with
    a sentence for everything else.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        at = (
            f"character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "all of it"
        )
        raise Misconfigured(f"{origin}: is no JSON ({at}); it must be a source object") from None
    if not isinstance(data, dict):
        raise Misconfigured(f"{origin}: must be a source object with apiVersion, kind and spec")
    try:
        top, outer = read_tolerantly(_Object, data, root="")
        _check_version(top, origin)
        spec, inner = read_tolerantly(_model(top.kind, origin), top.spec)
    except Invalid as error:
        raise Invalid(f"{origin}: {problem}" for problem in error.problems) from None
    passed_over = ", ".join(outer + inner)
    warning = f"{origin}: passed over what this version does not know: {passed_over}"
    return Manifest(
        kind=top.kind,
        name=_named(top.metadata.name or name, origin),
        namespace=top.metadata.namespace,
        uid=top.metadata.uid,
        spec=spec,
        origin=origin,
        warnings=(warning,) if passed_over else (),
    )


def _contents(path: Path | str) -> tuple[str, bytes]:
    """Return what to call the file, and its bytes."""
    origin = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
                    raise Misconfigured(f"{origin}: is no file to read a manifest from")
                data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise Misconfigured(f"{origin}: there is no such file") from None
    except IsADirectoryError:
        raise Misconfigured(f"{origin}: is a directory; give one file of it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be one"
        raise Misconfigured(f"{origin}: cannot be read: {reason}") from error
    if len(data) > MOST_BYTES:
        raise Misconfigured(f"{origin}: is larger than {MOST_BYTES} bytes; no manifest is")
    return origin, data


def _the_source(found: Sequence[Document], origin: str) -> Document:
    """Return the one document that is a source."""
    if not found:
        raise Misconfigured(f"{origin}: is empty; it must hold a source object")
    for document in found:
        if not isinstance(document.value, dict):
            raise Misconfigured(
                f"{origin}, line {document.line}: must be a mapping with apiVersion, kind, "
                "metadata and spec"
            )
    installed = kinds.installed()
    sources = [document for document in found if _is_source(document.value, installed)]
    if len(sources) == 1:
        return sources[0]
    if sources:
        each = ", ".join(f"{d.value.get('kind')} in line {d.line}" for d in sources)
        raise Misconfigured(
            f"{origin}: holds {len(sources)} sources ({each}); one process runs one, so give each "
            "a file"
        )
    there = ", ".join(sorted({str(d.value.get("kind", "an object without kind")) for d in found}))
    raise Misconfigured(
        f"{origin}: holds no source but {there}; a source is of the kind "
        f"{' or '.join(installed) or '(none is installed)'}, apiVersion {API_VERSION}"
    )


def _is_source(value: Mapping[str, Any], installed: Sequence[str]) -> bool:
    version = str(value.get("apiVersion", ""))
    return version.partition("/")[0] == GROUP or str(value.get("kind", "")) in installed


def _top(value: object, origin: str) -> _Object:
    try:
        top = read(_Object, value, root="")
    except Invalid as error:
        raise Invalid(f"{origin}: {problem}" for problem in error.problems) from None
    _check_version(top, origin)
    return top


def _check_version(top: _Object, origin: str) -> None:
    if top.api_version != API_VERSION:
        raise Misconfigured(
            f"{origin}: apiVersion {top.api_version!r} of kind {top.kind} is not understood; "
            f"must be `{API_VERSION}`"
        )


def _model(kind: str, origin: str) -> type[SourceSpec]:
    try:
        return kinds.spec_of(kind)
    except Misconfigured as error:
        raise Misconfigured(f"{origin}: {error}", reason=error.reason) from error


def _named(name: str | None, origin: str) -> str:
    """Refuse an object without a name: consumer groups and event sources are made of it."""
    if not name:
        raise Misconfigured(f"{origin}: metadata.name: is required")
    return name


def _secrets(found: Iterable[Document], namespace: str | None, origin: str) -> Secrets:
    """Return the Secrets that the source would find in its namespace."""
    secrets: dict[str, Mapping[str, bytes]] = {}
    for document in found:
        value = document.value
        if value.get("kind") != "Secret" or value.get("apiVersion", "v1") != "v1":
            continue
        at = f"{origin}, line {document.line}"
        metadata = value.get("metadata") or {}
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not isinstance(name, str):
            raise Misconfigured(f"{at}: metadata.name: is required, as text")
        theirs = metadata.get("namespace")
        if theirs and namespace and theirs != namespace:
            continue
        if name in secrets:
            raise Misconfigured(f"{at}: Secret `{name}` is in the file twice")
        secrets[name] = _values(value, f"{at}: Secret `{name}`")
    return secrets


def _values(secret: Mapping[str, Any], what: str) -> Mapping[str, bytes]:
    """Return the values of a Secret; as in the API, `stringData` goes over `data`."""
    values: dict[str, bytes] = {}
    for part in ("data", "stringData"):
        entries = secret.get(part) or {}
        if not isinstance(entries, dict):
            raise Misconfigured(f"{what}: {part} must be a mapping of keys to text")
        for key, text in entries.items():
            if not isinstance(text, str):
                raise Misconfigured(f"{what}: {part}.{key} must be text: put it in quotes")
            if part == "stringData":
                values[key] = text.encode("utf-8", "surrogatepass")
                continue
            try:
                values[key] = base64.b64decode("".join(text.split()), validate=True)
            except (binascii.Error, ValueError):
                raise Misconfigured(
                    f"{what}: data.{key} is no base64; plain text goes under stringData"
                ) from None
    return values
