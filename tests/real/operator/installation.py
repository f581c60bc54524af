"""The operator's permissions in a cluster, as deploy/ ships them."""

from __future__ import annotations

from tests.real.kubelab.client import Kubernetes, Manifest, eventually
from tests.real.kubelab.kubectl import Kubectl
from tests.real.operator.places import ACCOUNT, DEPLOY, HOME


def install(admin: Kubernetes, kubectl: Kubectl) -> list[Manifest]:
    """Apply deploy/base without its Deployment; return all of it."""
    found = kubectl.kustomize(DEPLOY / "base")
    for manifest in found:
        if manifest["kind"] != "Deployment":
            admin.apply(manifest)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": ACCOUNT, "namespace": HOME},
    }
    eventually(lambda: admin.find(account), what="the operator's account")
    return found
