"""CustomResourceDefinitions, made from the models: `python -m eventing_alibaba_operator.crd`.

Each kind becomes one file in `crds/`, which is committed; `--check` says whether they are what the
models say. What Knative's tools look for is Knative's source contract (eventing,
docs/spec/sources.md): the duck label, the category `sources`, the columns, the annotation with the
types of events. The first served version is the one that `kn source list` shows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from eventing_alibaba.contract.api import GROUP, VERSION
from eventing_alibaba.contract.rules import immutable
from eventing_alibaba.contract.schema import structural
from eventing_alibaba_operator.kinds import Kind, served
from eventing_alibaba_operator.statusschema import STATUS

Manifest = dict[str, Any]

_HEADER: Final = (
    "# Made of the models by `python -m eventing_alibaba_operator.crd`; not to be edited.\n"
)
_COLUMNS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "name": "Ready",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {
        "name": "Reason",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].reason',
    },
    {"name": "Sink", "type": "string", "jsonPath": ".status.sinkUri"},
    {"name": "Consumers", "type": "integer", "jsonPath": ".status.consumers", "priority": 1},
    {
        "name": "Message",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].message',
        "priority": 1,
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)


def definition(kind: Kind) -> Manifest:
    """Return the CustomResourceDefinition of a kind; pure."""
    resource = kind.spec.resource
    spec = structural(kind.spec)
    # The environment gives none here: an object without a sink can only ever be a mistake.
    spec["required"] = sorted({*spec.get("required", ()), "sink"})
    rules = [immutable(field) for field in resource.immutable]
    if rules:
        spec["x-kubernetes-validations"] = [*spec.get("x-kubernetes-validations", ()), *rules]
    own = [{"name": title, "type": "string", "jsonPath": path} for title, path in resource.columns]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {
                "app.kubernetes.io/part-of": "eventing-alibaba",
                "duck.knative.dev/source": "true",
            },
            "annotations": {
                "registry.knative.dev/eventTypes": json.dumps(
                    [{"type": name, "description": text} for name, text in resource.event_types]
                )
            },
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(resource.short_names),
                "categories": ["all", "knative", "eventing", "sources"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.consumers",
                            "statusReplicasPath": ".status.consumers",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [*own, *_COLUMNS],
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": " ".join((kind.spec.__doc__ or "").split()),
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {"type": "object"},
                                "spec": spec,
                                "status": STATUS,
                            },
                        }
                    },
                }
            ],
        },
    }


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    return {
        f"{kind.plural}.yaml": _HEADER
        + yaml.dump(definition(kind), Dumper=_Plain, sort_keys=False, width=100)
        for kind in served()
    }


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: no reader of YAML for Kubernetes expects an anchor."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` say which differ; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m eventing_alibaba_operator.crd", description="Write crds/ from the models."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if they differ")
    parser.add_argument("--directory", type=Path, default=Path("crds"), help="default: crds")
    given = parser.parse_args(arguments)
    wanted = files()
    there = {path.name: path.read_text() for path in given.directory.glob("*.yaml")}
    if given.check:
        differing = sorted(
            name for name in {*wanted, *there} if wanted.get(name) != there.get(name)
        )
        for name in differing:
            sys.stderr.write(
                f"{given.directory / name}: is not what the models say; run"
                " `python -m eventing_alibaba_operator.crd`\n"
            )
        return 1 if differing else 0
    for name in there.keys() - wanted.keys():
        (given.directory / name).unlink()
    given.directory.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        (given.directory / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
