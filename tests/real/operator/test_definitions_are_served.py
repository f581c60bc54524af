"""What a user sees of our kinds on a real API server, before any operator runs."""

from __future__ import annotations

import json

import pytest
from tests.real.kubelab.client import Manifest, conditions, eventually
from tests.real.kubelab.kubectl import Kubectl
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.places import GROUP
from tests.real.operator.sources import SMALLEST, source

_SHORT = {"AliKafkaSource": "alks", "MnsSource": "mns", "RocketMQSource": "rmqs"}


def test_they_are_structural_and_established(
    plane: ControlPlane, definitions: list[Manifest]
) -> None:
    """The API server has accepted names and schema of each definition without a complaint."""
    assert {found["spec"]["names"]["kind"] for found in definitions} == set(SMALLEST)
    for definition in definitions:
        seen = conditions(plane.admin.get(definition))
        assert seen["Established"]["status"] == "True"
        assert seen["NamesAccepted"]["status"] == "True"
        assert "NonStructuralSchema" not in seen


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_short_name_and_columns(
    plane: ControlPlane, kubectl: Kubectl, namespace: str, kind: str
) -> None:
    """`kubectl get` by the short name shows what is consumed, Ready, Reason, Sink and Age."""
    plane.admin.create(source(kind, namespace))
    shown = eventually(
        lambda: kubectl("get", _SHORT[kind], "-n", namespace), what="kubectl knows the kind"
    )
    heading = shown.splitlines()[0].split()
    assert heading[0] == "NAME"
    assert heading[-4:] == ["READY", "REASON", "SINK", "AGE"]
    assert "orders" in shown.splitlines()[1]


def test_categories(plane: ControlPlane, kubectl: Kubectl, namespace: str) -> None:
    """`kubectl get sources`, `knative` and `eventing` find sources of all kinds."""
    for kind in SMALLEST:
        plane.admin.create(source(kind, namespace))
    for category in ("sources", "knative", "eventing"):
        found = kubectl("get", category, "-n", namespace, "-o", "name").split()
        assert len(found) == len(SMALLEST), category


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_fields_are_explained(kubectl: Kubectl, kind: str) -> None:
    """`kubectl explain` has a sentence for each field of the spec."""
    plural = f"{kind.lower()}s"
    text = kubectl("explain", f"{plural}.{GROUP}.spec")
    assert "sink" in text
    assert "<no description>" not in text.split("FIELDS:")[1]


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_scale(plane: ControlPlane, namespace: str, kind: str) -> None:
    """`/scale` reads and writes `spec.consumers`, which is what autoscalers do."""
    made = plane.admin.create(source(kind, namespace))
    plane.admin.merge(made, {"spec": {"replicas": 3}}, part="scale")
    assert plane.admin.get(made)["spec"]["consumers"] == 3
    scale = plane.admin.request("GET", plane.admin.of(made, "scale"))
    assert scale["spec"]["replicas"] == 3


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_status_is_apart(plane: ControlPlane, namespace: str, kind: str) -> None:
    """A write of the source changes no status, a write of the status no spec or generation."""
    made = plane.admin.create({**source(kind, namespace), "status": {"sinkUri": "http://forged"}})
    assert "status" not in made
    change = {"spec": {"paused": True}, "status": {"sinkUri": "http://sink.example.com"}}
    after = plane.admin.merge(made, change, part="status")
    assert after["metadata"]["generation"] == made["metadata"]["generation"]
    assert (after["spec"], after["status"]["sinkUri"]) == (made["spec"], "http://sink.example.com")


def test_event_types_are_announced(plane: ControlPlane, definitions: list[Manifest]) -> None:
    """Knative's registry of event types can read each definition's annotation."""
    for definition in definitions:
        annotations = plane.admin.get(definition)["metadata"]["annotations"]
        types = json.loads(annotations["registry.knative.dev/eventTypes"])
        assert types
        assert all(isinstance(entry["type"], str) and entry["type"] for entry in types)


def test_they_are_marked_as_sources(plane: ControlPlane, definitions: list[Manifest]) -> None:
    """Each has Knative's label, and its plural is the kind in lower case with an s."""
    for definition in definitions:
        labels = plane.admin.get(definition)["metadata"]["labels"]
        assert labels["duck.knative.dev/source"] == "true"
        names = definition["spec"]["names"]
        assert names["plural"] == f"{names['kind'].lower()}s"
