"""Sources of each kind, as short as the API server takes them."""

from __future__ import annotations

from typing import Any, Final

from tests.real.kubelab.client import Manifest
from tests.real.operator.places import API_VERSION

SINK: Final = {"uri": "http://sink.example.com/events"}

SMALLEST: Final[dict[str, dict[str, Any]]] = {
    "AliKafkaSource": {"bootstrapServers": ["kafka.example.com:9092"], "topics": ["orders"]},
    "MnsSource": {"endpoint": "http://mns.example.com", "queue": "orders"},
    "RocketMQSource": {
        "endpoints": "rocketmq.example.com:8080",
        "topic": "orders",
        "consumerGroup": "shop",
    },
}


def source(kind: str, namespace: str, name: str = "orders", **spec: Any) -> Manifest:
    """A source with the required fields, a sink by address, and what is given besides.

    A field given as None is left out.
    """
    fields = {**SMALLEST[kind], "sink": dict(SINK), **spec}
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in fields.items() if value is not None},
    }
