"""What of `spec.template` comes into the pod: an allowed field as it stands, any other refused.

The list names what is allowed, so a field that Kubernetes invents tomorrow is refused until
somebody has thought about it. Who may write sources need not be allowed to write pods, so nothing
here may run another program, mount another's volume or loosen what holds the process in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eventing_alibaba.contract.spec import PodTemplate
from eventing_alibaba.runtime import names as environment
from eventing_alibaba_operator import names

_POD: Final = frozenset(
    {
        *("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints"),
        *("priorityClassName", "schedulerName", "runtimeClassName", "serviceAccountName"),
        *("imagePullSecrets", "hostAliases", "dnsPolicy", "dnsConfig"),
    }
)
_CONTAINER: Final = frozenset({"resources", "env", "imagePullPolicy"})
_LABELS: Final = frozenset(
    {
        *(names.LABEL_NAME, names.LABEL_INSTANCE, names.LABEL_COMPONENT),
        *(names.LABEL_PART_OF, names.LABEL_MANAGED_BY),
    }
)
OWN_VARIABLES: Final = frozenset(
    value
    for name, value in vars(environment).items()
    if name.isupper() and not name.startswith("DEFAULT_") and isinstance(value, str)
) - {environment.LOG_LEVEL, environment.LOG_FORMAT, environment.LOGGING_CONFIG}


class TemplateRefusedError(ValueError):
    """A field of the template is not the user's; the text names it and says what is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the user has chosen, checked."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] | None = None
    env: tuple[Mapping[str, Any], ...] = ()
    pull_policy: str | None = None


def chosen(template: PodTemplate) -> Chosen:
    """Return what a template chooses. Raises TemplateRefusedError."""
    for label in template.metadata.labels:
        if label in _LABELS:
            _refuse(f"metadata.labels[{label}]", "the operator finds its pods by it")
    spec = dict(template.spec)
    container = _container(spec.pop("containers", []))
    for name in spec:
        if name not in _POD:
            _refuse(f"spec.{name}", f"of a pod you may write {_listed(_POD)}, and `containers`")
    for name in container:
        if name not in _CONTAINER:
            _refuse(
                f"spec.containers[{names.CONTAINER}].{name}",
                f"of the container you may write {_listed(_CONTAINER)}",
            )
    env = container.get("env") or []
    for variable in env:
        if not isinstance(variable, Mapping) or "name" not in variable:
            _refuse("spec.containers[adapter].env", "each variable has a `name`")
        if variable["name"] in OWN_VARIABLES:
            _refuse(
                f"spec.containers[{names.CONTAINER}].env[{variable['name']}]",
                "the operator sets it",
            )
    return Chosen(
        labels=template.metadata.labels,
        annotations=template.metadata.annotations,
        pod=spec,
        resources=container.get("resources"),
        env=tuple(env),
        pull_policy=container.get("imagePullPolicy"),
    )


def _container(containers: Any) -> dict[str, Any]:
    if not isinstance(containers, list) or not all(isinstance(one, Mapping) for one in containers):
        _refuse("spec.containers", f"it is a list with the container `{names.CONTAINER}`")
    others = [one.get("name") for one in containers if one.get("name") != names.CONTAINER]
    if others or len(containers) > 1:
        _refuse(
            f"spec.containers[{others[0] if others else 1}]",
            f"the pod has the one container `{names.CONTAINER}`",
        )
    return {k: v for one in containers for k, v in one.items() if k != "name"}


def _refuse(where: str, why: str) -> None:
    raise TemplateRefusedError(f"spec.template.{where}: is not yours to change: {why}")


def _listed(allowed: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(allowed))
