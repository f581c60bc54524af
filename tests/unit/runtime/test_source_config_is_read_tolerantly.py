"""`K_SOURCE_CONFIG` comes from an operator that may be a version ahead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.runtime.manifest import from_config

pytestmark = pytest.mark.usefixtures("parcel")


def config(**changes: Any) -> str:
    """Return a source object as JSON."""
    return json.dumps(
        {
            "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
            "kind": "ParcelSource",
            "metadata": {"name": "parcels", "namespace": "post", "uid": "u-1"},
            "spec": {"depot": "north"},
            **changes,
        }
    )


def refused(text: str) -> str:
    """Return why the variable's value is refused."""
    with pytest.raises(Misconfigured) as caught:
        from_config(text, origin="K_SOURCE_CONFIG")
    return str(caught.value)


def test_the_whole_object_is_read() -> None:
    """Identity comes with it, and no warning."""
    found = from_config(config(), origin="K_SOURCE_CONFIG")
    assert (found.kind, found.name, found.namespace, found.uid) == (
        "ParcelSource",
        "parcels",
        "post",
        "u-1",
    )
    assert found.secrets == {}
    assert found.warnings == ()


def test_unknown_fields_are_one_warning() -> None:
    """At the top, in the spec and deep in it; the metadata is Kubernetes' own."""
    text = config(
        novel=1,
        metadata={"name": "parcels", "novel": {}},
        spec={"depot": "north", "novel": {}, "delivery": {"retry": 3, "novel": 1}},
    )
    found = from_config(text, origin="K_SOURCE_CONFIG")
    assert found.spec.delivery.retry == 3
    assert found.warnings == (
        (
            "K_SOURCE_CONFIG: passed over what this version does not know: "
            "novel, spec.delivery.novel, spec.novel"
        ),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "K_SOURCE_CONFIG: is no JSON (character 2); it must be a source object"),
        ("[" * 100_000, "K_SOURCE_CONFIG: is no JSON (all of it); it must be a source object"),
        ("[]", "K_SOURCE_CONFIG: must be a source object with apiVersion, kind and spec"),
        (
            config(spec={"depot": 5}),
            "K_SOURCE_CONFIG: spec.depot: must be text: put it in quotes; got 5",
        ),
        (config(metadata={}), "K_SOURCE_CONFIG: metadata.name: is required"),
        (config(metadata=[]), "K_SOURCE_CONFIG: metadata: must be a mapping; got a list"),
        (config(kind="Nothing"), "K_SOURCE_CONFIG: kind Nothing is not installed"),
        (
            config(apiVersion="v2"),
            "K_SOURCE_CONFIG: apiVersion 'v2' of kind ParcelSource is not understood",
        ),
    ],
    ids=lambda text: text[:30],
)
def test_everything_else_wrong_is_a_sentence(text: str, sentence: str) -> None:
    """It names the variable, and the field where there is one."""
    assert refused(text).startswith(sentence)


def test_broken_json_is_not_shown() -> None:
    """The text may be anything, so only the place is told."""
    assert "hunter2" not in refused('{"a": hunter2}')
