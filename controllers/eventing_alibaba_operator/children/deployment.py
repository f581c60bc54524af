"""The Deployment of a source's adapters.

Its pods fit the restricted profile of the pod security standards, never see the API server's token,
and keep nothing: what they must not lose is in the broker. Readiness is asked every two seconds, as
it is how the operator learns that an adapter has something to say; liveness only asks whether the
loop turns, so a broker that is away never restarts a pod.
"""

from __future__ import annotations

import math
from typing import Any, Final

from eventing_alibaba.contract.duration import seconds
from eventing_alibaba.runtime import names as environment
from eventing_alibaba_operator import names
from eventing_alibaba_operator.children import naming, secrets
from eventing_alibaba_operator.children.config import variables
from eventing_alibaba_operator.children.template import Chosen, chosen
from eventing_alibaba_operator.children.wish import Manifest, Wish

_BEYOND_GRACE: Final = 10
"""Seconds that a pod has beyond `flow.grace`, to acknowledge, to close, and to end."""
_TOKEN_SECONDS: Final = 3600
_RESOURCES: Final = {
    "requests": {"cpu": "50m", "memory": "96Mi"},
    "limits": {"memory": "256Mi"},
}


def deployment(wish: Wish) -> Manifest:
    """Return the Deployment. Raises TemplateRefusedError."""
    wishes = chosen(wish.spec.template)
    return naming.sealed(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": naming.metadata(wish, naming.child_name(wish.key)),
            "spec": {
                "replicas": wish.replicas,
                "revisionHistoryLimit": 2,
                "selector": {"matchLabels": naming.selector(wish.key)},
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
                },
                "template": {
                    "metadata": {
                        "labels": {**wishes.labels, **naming.labels(wish.key)},
                        **({"annotations": dict(wishes.annotations)} if wishes.annotations else {}),
                    },
                    "spec": _pod(wish, wishes),
                },
            },
        }
    )


def account(wish: Wish) -> Manifest | None:
    """Return the service account whose tokens the sinks are shown; None where none is needed."""
    if not _audiences(wish) or "serviceAccountName" in wish.spec.template.spec:
        return None
    return naming.sealed(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": naming.metadata(wish, naming.account_name(wish.key)),
            "automountServiceAccountToken": False,
        }
    )


def account_of(wish: Wish) -> str | None:
    """Return the name of the account that the sinks see; None where they see none."""
    if not _audiences(wish):
        return None
    own = wish.spec.template.spec.get("serviceAccountName")
    return str(own) if own else naming.account_name(wish.key)


def _pod(wish: Wish, wishes: Chosen) -> dict[str, Any]:
    volumes, mounts = secrets.volumes(wish.raw)
    for more, place in (*_tokens(wish), _trust(), _temporary()):
        volumes.append(more)
        mounts.append({"name": more["name"], **place})
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(seconds(wish.spec.flow.grace)) + _BEYOND_GRACE,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(wish, wishes, mounts)],
        "volumes": volumes,
        **wishes.pod,
    }
    account = account_of(wish)
    if account is not None:
        pod["serviceAccountName"] = account
    return pod


def _container(wish: Wish, wishes: Chosen, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    own = variables(wish)
    theirs = {variable["name"] for variable in wishes.env}
    container = {
        "name": names.CONTAINER,
        "image": wish.image,
        "command": ["eventing-alibaba", "run"],
        "env": [*(v for v in own if v["name"] not in theirs), *map(dict, wishes.env)],
        "ports": [
            _port(names.HEALTH_PORT, environment.DEFAULT_PORT),
            _port(names.METRICS_PORT, environment.DEFAULT_METRICS_PORT),
        ],
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=2, failures=1),
        "resources": _RESOURCES if wishes.resources is None else dict(wishes.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    if wishes.pull_policy is not None:
        container["imagePullPolicy"] = wishes.pull_policy
    return container


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": names.HEALTH_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _audiences(wish: Wish) -> list[tuple[str, str, str]]:
    """Return volume, directory and audience of each token."""
    found = [("oidc", names.OIDC, wish.sink.audience)]
    if wish.dead_letter is not None:
        found.append(("oidc-dead-letter", names.DEAD_LETTER_OIDC, wish.dead_letter.audience))
    return [(volume, place, audience) for volume, place, audience in found if audience]


def _tokens(wish: Wish) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (
            {
                "name": volume,
                "projected": {
                    "sources": [
                        {
                            "serviceAccountToken": {
                                "audience": audience,
                                "expirationSeconds": _TOKEN_SECONDS,
                                "path": "token",
                            }
                        }
                    ]
                },
            },
            {"mountPath": place, "readOnly": True},
        )
        for volume, place, audience in _audiences(wish)
    ]


def _trust() -> tuple[dict[str, Any], dict[str, Any]]:
    volume = {
        "name": "trust-bundle",
        "configMap": {"name": names.TRUST_BUNDLE, "optional": True},
    }
    return volume, {"mountPath": environment.DEFAULT_TRUST_DIRECTORY, "readOnly": True}


def _temporary() -> tuple[dict[str, Any], dict[str, Any]]:
    return {"name": "tmp", "emptyDir": {}}, {"mountPath": "/tmp"}  # noqa: S108 - the pod's own
