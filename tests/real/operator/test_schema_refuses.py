"""What the schema refuses, the API server says, by field and with what to do."""

from __future__ import annotations

from typing import Any, Final

import pytest
from tests.real.kubelab.client import RefusedError
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.sources import SMALLEST, source

_REF: Final = {"apiVersion": "v1", "kind": "Service", "name": "shop"}
_SECRET: Final = {"secretKeyRef": {"name": "login", "key": "user"}}
_HTTP: Final = "http://sink.example.com"

ACCEPTED: Final[dict[str, dict[str, Any]]] = {
    "the smallest": {},
    "a Service": {"sink": {"ref": _REF}},
    "a Service of another namespace": {"sink": {"ref": {**_REF, "namespace": "other"}}},
    "a path at a Service": {"sink": {"ref": _REF, "uri": "/events?a=b"}},
    "certificates and audience": {"sink": {"uri": _HTTP, "CACerts": "PEM", "audience": "shop"}},
    "no consumers": {"consumers": 0},
    "several consumers": {"consumers": 3},
    "paused": {"paused": True},
    "an extension": {"ceOverrides": {"extensions": {"team": "shop"}}},
    "a dead-letter Service": {"delivery": {"deadLetterSink": {"ref": _REF}}},
    "a dead-letter topic": {
        "delivery": {"deadLetterSink": {"kafka": {"topic": "dead"}}},
        "only": "AliKafkaSource",
    },
    "a dead-letter queue": {
        "delivery": {"deadLetterSink": {"mns": {"queue": "dead"}}},
        "only": "MnsSource",
    },
    "another topic for dead letters": {
        "delivery": {"deadLetterSink": {"rocketmq": {"topic": "dead"}}, "onExhausted": "release"},
        "only": "RocketMQSource",
    },
    "the shortest waits": {"delivery": {"timeout": "PT0.001S", "backoffDelay": "PT0S"}},
    "a login": {
        "net": {"sasl": {"enable": True, "user": _SECRET, "password": _SECRET}},
        "only": "AliKafkaSource",
    },
    "a key": {
        "auth": {"accessKeyId": _SECRET, "accessKeySecret": _SECRET},
        "only": "MnsSource",
    },
    "a login that is not used": {"net": {"sasl": {"enable": False}}, "only": "AliKafkaSource"},
    "a role": {"auth": {"rrsa": True}, "only": "MnsSource"},
    "a role of the machine": {"auth": {"rrsa": False, "ecsRole": "mns"}, "only": "MnsSource"},
    "a user": {"auth": {"username": _SECRET, "password": _SECRET}, "only": "RocketMQSource"},
    "resources": {
        "template": {
            "spec": {
                "containers": [{"name": "adapter", "resources": {"requests": {"cpu": "100m"}}}]
            }
        }
    },
}

REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no sink": ({"sink": None}, "spec.sink: Required value"),
    "a sink without anything": ({"sink": {}}, "must have exactly one of `ref`"),
    "two sinks": (
        {"sink": {"ref": _REF, "uri": _HTTP}},
        "must have exactly one of `ref`",
    ),
    "a relative address alone": ({"sink": {"uri": "/events"}}, "must have exactly one of `ref`"),
    "another scheme": ({"sink": {"uri": "ftp://sink.example.com"}}, "must have exactly one of"),
    "an address without host": ({"sink": {"uri": "http:///events"}}, "must have exactly one of"),
    "a reference without kind": (
        {"sink": {"ref": {"apiVersion": "v1", "name": "shop"}}},
        "spec.sink.ref.kind: Required value",
    ),
    "a name that cannot be": (
        {"sink": {"ref": {**_REF, "name": "../shop"}}},
        "spec.sink.ref.name: Invalid value",
    ),
    "two dead-letter sinks": (
        {"delivery": {"deadLetterSink": {"ref": _REF, "uri": _HTTP}}},
        "spec.delivery.deadLetterSink",
    ),
    "an unknown field": ({"sinc": {}}, 'unknown field "spec.sinc"'),
    "a password in the clear": (
        {
            "net": {"sasl": {"enable": True, "user": {"value": "u"}, "password": _SECRET}},
            "only": "AliKafkaSource",
        },
        "spec.net.sasl.user",
    ),
    "a key from the environment": (
        {"auth": {"accessKeyId": {"env": "KEY"}, "accessKeySecret": _SECRET}, "only": "MnsSource"},
        "spec.auth.accessKeyId",
    ),
    "a login without password": (
        {"net": {"sasl": {"enable": True, "user": _SECRET}}, "only": "AliKafkaSource"},
        "`user` and `password` must be given because `enable` is true",
    ),
    "half a key": (
        {"auth": {"accessKeyId": _SECRET}, "only": "MnsSource"},
        "`accessKeyId` and `accessKeySecret` must be given together",
    ),
    "a token without its key": (
        {"auth": {"securityToken": _SECRET}, "only": "MnsSource"},
        "`accessKeyId` and `accessKeySecret` must be given because `securityToken` is",
    ),
    "two ways to log in": (
        {
            "auth": {"accessKeyId": _SECRET, "accessKeySecret": _SECRET, "rrsa": True},
            "only": "MnsSource",
        },
        "must have only one of `accessKeyId`, `rrsa`, `ecsRole`",
    ),
    "two roles": (
        {"auth": {"rrsa": True, "ecsRole": "mns"}, "only": "MnsSource"},
        "must have only one of `accessKeyId`, `rrsa`, `ecsRole`",
    ),
    "half a user": (
        {"auth": {"password": _SECRET}, "only": "RocketMQSource"},
        "`username` and `password` must be given together",
    ),
    "a token without its user": (
        {"auth": {"securityToken": _SECRET}, "only": "RocketMQSource"},
        "`username` and `password` must be given because `securityToken` is",
    ),
    "fewer than no consumers": ({"consumers": -1}, "spec.consumers"),
    "consumers in words": ({"consumers": "three"}, "spec.consumers"),
    "a required attribute overridden": (
        {"ceOverrides": {"extensions": {"id": "1"}}},
        "spec.ceOverrides",
    ),
    "a dead letter without a sink for it": (
        {"delivery": {"onExhausted": "deadLetter"}},
        "`onExhausted: deadLetter` needs a `deadLetterSink`",
    ),
    "a service that has no time": (
        {"delivery": {"timeout": "PT0S"}},
        "`timeout` must be longer than PT0S",
    ),
    "blocked events without a pause": (
        {"delivery": {"backoffMax": "P0DT0.00S"}},
        "`backoffMax` must be longer than PT0S",
    ),
    "a record that is given back": (
        {"delivery": {"onExhausted": "release"}, "only": "AliKafkaSource"},
        "`delivery.onExhausted: release` is not possible here",
    ),
    "dead letters at another broker": (
        {"delivery": {"deadLetterSink": {"mns": {"queue": "dead"}}}, "only": "AliKafkaSource"},
        "write `kafka`, or `uri` or `ref`",
    ),
    "dead letters of a queue in a topic": (
        {"delivery": {"deadLetterSink": {"kafka": {"topic": "dead"}}}, "only": "MnsSource"},
        "write `mns`, or `uri` or `ref`",
    ),
    "dead letters of RocketMQ in Kafka": (
        {"delivery": {"deadLetterSink": {"kafka": {"topic": "dead"}}}, "only": "RocketMQSource"},
        "write `rocketmq`, or `uri` or `ref`",
    ),
    "dead letters in the source's own topic": (
        {
            "topics": ["orders", "dead"],
            "delivery": {"deadLetterSink": {"kafka": {"topic": "dead"}}},
            "only": "AliKafkaSource",
        },
        "`delivery.deadLetterSink.kafka.topic` is the source's own",
    ),
    "dead letters in the source's own queue": (
        {
            "queue": "dead",
            "delivery": {"deadLetterSink": {"mns": {"queue": "dead"}}},
            "only": "MnsSource",
        },
        "`delivery.deadLetterSink.mns.queue` is the source's own",
    ),
    "dead letters in the source's own RocketMQ topic": (
        {
            "topic": "dead",
            "delivery": {"deadLetterSink": {"rocketmq": {"topic": "dead"}}},
            "only": "RocketMQSource",
        },
        "`delivery.deadLetterSink.rocketmq.topic` is the source's own",
    ),
    "a duration that is none": ({"delivery": {"backoffDelay": "0.3s"}}, "spec.delivery"),
    "an order that is none": ({"ordering": "sorted", "only": "AliKafkaSource"}, "spec.ordering"),
}


def _kinds(fields: dict[str, Any]) -> list[str]:
    only = fields.get("only")
    return [only] if only else sorted(SMALLEST)


def _spec(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "only"}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for name, fields in ACCEPTED.items() for kind in _kinds(fields)]
)
def test_it_is_accepted(plane: ControlPlane, kind: str, name: str) -> None:
    """A source with this is taken by the API server, without pruning any of it."""
    wanted = source(kind, "default", **_spec(ACCEPTED[name]))
    made = plane.admin.create(wanted, dry_run=True)
    for field, value in wanted["spec"].items():
        assert _within(value, made["spec"][field]), field


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for name, (fields, _) in REFUSED.items() for kind in _kinds(fields)],
)
def test_it_is_refused(plane: ControlPlane, kind: str, name: str) -> None:
    """A source with this is refused, and the sentence names the field."""
    fields, sentence = REFUSED[name]
    with pytest.raises(RefusedError) as refused:
        plane.admin.create(source(kind, "default", **_spec(fields)), dry_run=True)
    assert refused.value.code in (400, 422), refused.value
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "field", "before", "after"),
    [
        ("AliKafkaSource", "consumerGroup", "shop", "shop-2"),
        ("AliKafkaSource", "consumerGroup", None, "shop"),
        ("AliKafkaSource", "consumerGroup", "shop", None),
        ("MnsSource", "queue", "orders", "refunds"),
        ("RocketMQSource", "topic", "orders", "refunds"),
        ("RocketMQSource", "consumerGroup", "shop", "shop-2"),
        ("RocketMQSource", "instance", None, "rmq-cn-abc123"),
    ],
)
def test_what_consumption_hangs_on_stays(
    plane: ControlPlane,
    namespace: str,
    kind: str,
    field: str,
    before: str | None,
    after: str | None,
) -> None:
    """It cannot be changed, set or removed later, and the sentence says what to do instead."""
    made = plane.admin.create(source(kind, namespace, **{field: before} if before else {}))
    with pytest.raises(RefusedError, match=f"`{field}` must stay as it is.*create another source"):
        plane.admin.merge(made, {"spec": {field: after}})
    plane.admin.merge(made, {"spec": {"paused": True}})


def _within(wanted: Any, found: Any) -> bool:
    """Whether nothing of what is wanted was pruned or changed; defaults may have come to it."""
    if isinstance(wanted, dict):
        return all(key in found and _within(value, found[key]) for key, value in wanted.items())
    return bool(wanted == found)
