"""Children are pure functions: what a spec makes of a Deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.contract.validation import read
from eventing_alibaba.runtime.environment import settings
from eventing_alibaba_operator.children import deployment as made_of
from eventing_alibaba_operator.children.compare import difference
from eventing_alibaba_operator.children.naming import child_name
from eventing_alibaba_operator.children.template import TemplateRefusedError
from eventing_alibaba_operator.children.wish import Address, Wish
from eventing_alibaba_operator.kinds import Key, served

KAFKA = {"bootstrapServers": ["kafka:9092"], "topics": ["orders"]}
SASL = {
    "sasl": {
        "enable": True,
        "user": {"secretKeyRef": {"name": "kafka", "key": "user"}},
        "password": {"secretKeyRef": {"name": "kafka", "key": "password"}},
    },
    "tls": {"enable": True, "caCert": {"secretKeyRef": {"name": "ca", "key": "ca.crt"}}},
}
GOLDEN = Path(__file__).parent / "golden.json"


def wish(sink: Address | None = None, dead_letter: Address | None = None, **spec: Any) -> Wish:
    model = {kind.name: kind.spec for kind in served()}["AliKafkaSource"]
    raw = {**KAFKA, "sink": {"uri": "http://service/"}, **spec}
    return Wish(
        key=Key("AliKafkaSource", "shop", "orders"),
        uid="uid-1",
        spec=read(model, raw),
        raw=raw,
        sink=sink or Address("http://service/"),
        image="adapter:1",
        dead_letter=dead_letter,
    )


def pod(made: Any) -> Any:
    return made["spec"]["template"]["spec"]


def environment(made: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod(made)["containers"][0]["env"]}


def test_the_whole_manifest_is_the_golden_one() -> None:
    """Any change of what is deployed is seen: `tests/operator/golden.json` is compared whole."""
    made = made_of.deployment(
        wish(
            Address("https://service/", "-----BEGIN CERTIFICATE-----", "service"),
            net=SASL,
            consumers=2,
        )
    )
    assert made == json.loads(GOLDEN.read_text())


def test_the_adapter_reads_what_the_operator_writes() -> None:
    """The adapter reads the pod's environment, and finds spec, sink and dead letters."""
    made = made_of.deployment(
        wish(
            Address("https://service/events", None, "service"),
            Address("http://dead/", None, "dead"),
            delivery={"deadLetterSink": {"ref": {"apiVersion": "v1", "kind": "S", "name": "d"}}},
        )
    )
    told = settings(environment(made))
    overridden = "K_SINK is set: it is used instead of spec.sink"
    assert (told.kind, told.namespace, told.name, told.uid) == (
        "AliKafkaSource",
        "shop",
        "orders",
        "uid-1",
    )
    assert told.sink.uri == "https://service/events"
    assert told.warnings == (overridden,)
    assert told.dead_letter is not None
    assert told.dead_letter.uri == "http://dead/"
    files = {str(told.sink.token_file), str(told.dead_letter.token_file)}
    mounts = {f"{one['mountPath']}/token" for one in pod(made)["containers"][0]["volumeMounts"]}
    assert len(files) == 2
    assert files <= mounts


def test_each_audience_has_a_token_of_its_own() -> None:
    """One projected token for each audience, and the API server's never."""
    made = made_of.deployment(
        wish(Address("https://a/", None, "one"), Address("https://b/", None, "two"))
    )
    tokens = [
        one["projected"]["sources"][0]["serviceAccountToken"]["audience"]
        for one in pod(made)["volumes"]
        if "projected" in one
    ]
    assert tokens == ["one", "two"]
    assert pod(made)["automountServiceAccountToken"] is False
    assert pod(made)["serviceAccountName"] == "alikafkasource-orders-oidc"


def test_an_account_is_made_for_an_audience_only() -> None:
    """Without an audience the default account will do, and one that the user names is taken."""
    heard = Address("https://a/", None, "one")
    own = {"spec": {"serviceAccountName": "mine"}}
    assert made_of.account(wish()) is None
    assert made_of.account(wish(heard, template=own)) is None
    account = made_of.account(wish(heard))
    assert account is not None
    assert account["metadata"]["name"] == "alikafkasource-orders-oidc"
    assert pod(made_of.deployment(wish(heard, template=own)))["serviceAccountName"] == "mine"


def test_secrets_are_mounted_whole_and_optional() -> None:
    """Each Secret is one directory, mounted once, and its absence holds up no pod."""
    made = made_of.deployment(wish(net=SASL))
    found = {one["secret"]["secretName"]: one["secret"] for one in pod(made)["volumes"][:2]}
    assert found.keys() == {"kafka", "ca"}
    assert all(one["optional"] for one in found.values())
    mounts = pod(made)["containers"][0]["volumeMounts"][:2]
    assert {one["mountPath"].rpartition("/")[2] for one in mounts} == {"kafka", "ca"}
    assert not any("subPath" in one for one in mounts)


def test_grace_of_the_pod_follows_the_flow() -> None:
    """A pod has ten seconds more than the flow's grace."""
    made = made_of.deployment(wish(flow={"grace": "PT40.5S"}))
    assert pod(made)["terminationGracePeriodSeconds"] == 51


@pytest.mark.parametrize("change", [{"consumers": 5}, {"paused": True}])
def test_what_is_no_concern_of_pods_replaces_none(change: dict[str, Any]) -> None:
    """Consumers and pause change replicas and leave the pods' template as it is."""
    before, after = made_of.deployment(wish()), made_of.deployment(wish(**change))
    assert before["spec"]["template"] == after["spec"]["template"]
    assert before["spec"]["replicas"] != after["spec"]["replicas"]


def test_a_template_is_merged() -> None:
    """What a user may choose comes into the pod; labels and variables of ours stay."""
    template = {
        "metadata": {"labels": {"team": "green"}, "annotations": {"a": "b"}},
        "spec": {
            "nodeSelector": {"disk": "ssd"},
            "containers": [
                {
                    "name": "adapter",
                    "resources": {"limits": {"memory": "1Gi"}},
                    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy"}],
                }
            ],
        },
    }
    made = made_of.deployment(wish(template=template))
    assert pod(made)["nodeSelector"] == {"disk": "ssd"}
    assert made["spec"]["template"]["metadata"]["labels"]["team"] == "green"
    assert environment(made)["HTTPS_PROXY"] == "http://proxy"
    assert environment(made)["K_SINK"] == "http://service/"
    assert pod(made)["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"spec": {"hostNetwork": True}}, "spec.hostNetwork"),
        ({"spec": {"volumes": []}}, "spec.volumes"),
        ({"spec": {"securityContext": {}}}, "spec.securityContext"),
        ({"spec": {"automountServiceAccountToken": True}}, "spec.automountServiceAccountToken"),
        ({"spec": {"initContainers": []}}, "spec.initContainers"),
        ({"spec": {"containers": [{"name": "other"}]}}, "spec.containers[other]"),
        ({"spec": {"containers": "adapter"}}, "spec.containers"),
        ({"spec": {"containers": [{"name": "adapter", "image": "x"}]}}, "[adapter].image"),
        ({"spec": {"containers": [{"name": "adapter", "command": []}]}}, "[adapter].command"),
        (
            {"spec": {"containers": [{"name": "adapter", "env": [{"name": "K_SINK"}]}]}},
            "env[K_SINK]",
        ),
        ({"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}, "app.kubernetes.io/name"),
    ],
)
def test_a_template_may_not_change_what_is_ours(template: dict[str, Any], field: str) -> None:
    """Each of these would run, mount or loosen something; the sentence names the field."""
    with pytest.raises(TemplateRefusedError) as refused:
        made_of.deployment(wish(template=template))
    assert field in str(refused.value)


def test_names_of_children_are_labels_and_differ() -> None:
    """However long or dotted a source's name: at most 52 characters, and no two are the same."""
    names = ["orders", "a.b", "a-b", "x" * 253, "x" * 252 + "y", "x" * 40 + ".y"]
    children = [child_name(Key("AliKafkaSource", "shop", name)) for name in names]
    assert len(set(children)) == len(names)
    assert all(len(child) <= 52 and "." not in child for child in children)


@pytest.mark.parametrize(
    ("wanted", "live", "path"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, None),
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": {}}, {}, None),
        ({"a": True}, {"a": 1}, "a"),
        ({"env": [{"name": "x", "value": "1"}]}, {"env": [{"name": "y"}]}, "env[x]"),
        (
            {"env": [{"name": "x", "value": "1"}]},
            {"env": [{"name": "y"}, {"name": "x", "value": "1"}]},
            None,
        ),
        ({"command": ["a", "b"]}, {"command": ["b", "a"]}, "command[0]"),
        ({"command": ["a"]}, {"command": ["a", "b"]}, "command"),
        (
            {"c": {"resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}},
            {"c": {"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}},
            None,
        ),
        (
            {"c": {"resources": {"limits": {"cpu": "1"}}}},
            {"c": {"resources": {"limits": {"cpu": "1m"}}}},
            "c.resources.limits.cpu",
        ),
    ],
)
def test_what_is_missing_is_found(wanted: Any, live: Any, path: str | None) -> None:
    """Others' fields and other spellings of a quantity are no difference; all else is, by path."""
    assert difference(wanted, live) == path
