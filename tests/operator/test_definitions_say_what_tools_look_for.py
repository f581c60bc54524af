"""What Knative's tools and kubectl look for in a definition, and that crds/ is current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba_operator import crd
from eventing_alibaba_operator.access import RULES
from eventing_alibaba_operator.kinds import Kind, served

KINDS = [pytest.param(kind, id=kind.name) for kind in served()]


def version(kind: Kind) -> Any:
    return crd.definition(kind)["spec"]["versions"][0]


def spec_schema(kind: Kind) -> Any:
    return version(kind)["schema"]["openAPIV3Schema"]["properties"]["spec"]


def test_the_committed_files_are_current(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` accepts crds/, and names a file that differs."""
    root = Path(__file__).parents[2] / "crds"
    assert crd.main(["--check", "--directory", str(root)]) == 0
    crd.main(["--directory", str(tmp_path)])
    (tmp_path / "mnssources.yaml").write_text("changed")
    assert crd.main(["--check", "--directory", str(tmp_path)]) == 1
    assert "mnssources.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_knatives_tools_find_it(kind: Kind) -> None:
    """Label, plural, category and types of events are as Knative's source contract has them."""
    made = crd.definition(kind)
    assert made["metadata"]["labels"]["duck.knative.dev/source"] == "true"
    assert made["spec"]["names"]["plural"] == f"{kind.name.lower()}s"
    assert "sources" in made["spec"]["names"]["categories"]
    types = json.loads(made["metadata"]["annotations"]["registry.knative.dev/eventTypes"])
    assert types
    assert all(entry["type"] for entry in types)


@pytest.mark.parametrize("kind", KINDS)
def test_autoscalers_find_what_they_change(kind: Kind) -> None:
    """/scale leads to fields that the schema has."""
    scale = version(kind)["subresources"]["scale"]
    whole = version(kind)["schema"]["openAPIV3Schema"]["properties"]
    for path in scale.values():
        _, part, name = path.split(".")
        assert name in whole[part]["properties"]


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_way_to_give_a_secret(kind: Kind) -> None:
    """`value`, `env` and `file`, which are for laptops, are not in the schema."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            if "secretKeyRef" in node.get("properties", {}):
                yield node
            for inner in node.values():
                yield from walk(inner)

    found = list(walk(spec_schema(kind)))
    assert found
    assert all(set(node["properties"]) == {"secretKeyRef"} for node in found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sink_is_required_and_one(kind: Kind) -> None:
    """`sink` must be there, with a rule for `ref` or `uri`; what identity hangs on is immutable."""
    schema = spec_schema(kind)
    assert "sink" in schema["required"]
    assert schema["properties"]["sink"]["x-kubernetes-validations"]
    rules = {rule.get("fieldPath") for rule in schema.get("x-kubernetes-validations", ())}
    assert {f".{field}" for field in kind.spec.resource.immutable} <= rules


def test_short_names_are_nobody_elses() -> None:
    """Each kind has one, and no two the same."""
    names = [kind.spec.resource.short_names for kind in served()]
    assert all(names)
    assert len({name for group in names for name in group}) == sum(map(len, names))


def test_the_rules_are_about_the_kinds_that_exist() -> None:
    """A kind that is added is in the operator's rules."""
    plurals = {kind.plural for kind in served()}
    assert plurals <= {resource for rule in RULES for resource in rule.resources}
