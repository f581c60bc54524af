"""The source object that a command is about, where no adapter is to be started.

`run` needs all of `environment`: ports, a sink, log levels. A command beside it needs to know which
object is meant and how to log in to its broker, so that is all that is read, and nothing else can
stand in its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import Context, SourceSpec
from eventing_alibaba.credentials.reference import SecretResolver
from eventing_alibaba.runtime import manifest, names


@dataclass(frozen=True, slots=True)
class Subject:
    """A source object and what resolves its secrets; names as in `environment.Settings`."""

    kind: str
    namespace: str
    name: str
    spec: SourceSpec
    credentials: SecretResolver

    def context(self) -> Context:
        """Return what methods of the spec are called with."""
        return Context(
            kind=self.kind,
            namespace=self.namespace,
            name=self.name,
            credentials=self.credentials,
            event=self.spec.event,
            flow=self.spec.flow,
        )


def subject(
    environ: Mapping[str, str],
    *,
    command: str,
    file: Path | str | None = None,
    secrets: Path | None = None,
) -> Subject:
    """Return the object in `file`, or else in K_SOURCE_CONFIG, named as `run` would name it.

    Raises Misconfigured with a sentence; `command` is what to type, for that.
    """
    name = environ.get(names.NAME) or None
    config = environ.get(names.SOURCE_CONFIG)
    if file is not None:
        found = manifest.load(file, name=name)
    elif config:
        found = manifest.from_config(config, origin=names.SOURCE_CONFIG, name=name)
    else:
        raise Misconfigured(
            f"which source is meant? Give its manifest with `{command} -f FILE`, or set "
            f"{names.SOURCE_CONFIG} to a source object as JSON"
        )
    told = environ.get(names.SECRETS)
    directory = secrets or (Path(told) if told else None)
    return Subject(
        kind=found.kind,
        namespace=found.namespace or environ.get(names.NAMESPACE) or "default",
        name=found.name,
        spec=found.spec,
        credentials=SecretResolver(directory, found.secrets, environ),
    )
