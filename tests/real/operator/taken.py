"""Names that somebody else has, and the sources that would want them for their children."""

from __future__ import annotations

from tests.real.kubelab.client import Manifest
from tests.real.operator.sources import source


def others(namespace: str) -> list[Manifest]:
    """A Deployment and an account that are nobody's source's."""
    labels = {"matchLabels": {"app": "mine"}}
    container = {"name": "mine", "image": "mine"}
    pod = {"metadata": {"labels": labels["matchLabels"]}, "spec": {"containers": [container]}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "mnssource-taken", "namespace": namespace},
            "spec": {"replicas": 0, "selector": labels, "template": pod},
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "mnssource-account-oidc", "namespace": namespace},
        },
    ]


def sources(namespace: str) -> list[Manifest]:
    """Two sources whose Deployment or account would have the name of one of these."""
    audience = {"uri": "http://a.example.com", "audience": "shop"}
    return [
        source("MnsSource", namespace, name="taken"),
        source("MnsSource", namespace, name="account", sink=audience),
    ]
