"""What users write under `template`: wishes about the adapter's pods.

It looks like the pod template of a Deployment, and most of it is Kubernetes' own, so the schema
leaves `spec` open, as affinity alone would be longer than all kinds together. The operator takes
what may be chosen and refuses the rest with a condition that names the field.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, WithJsonSchema

from eventing_alibaba.contract.model import Model

Text = Annotated[str, StringConstraints(max_length=262144)]

Open = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""Any fields, as far as the API server goes."""


class TemplateMetadata(Model):
    """Labels and annotations of the pods."""

    labels: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """Labels, name to value. Those of the operator cannot be changed."""
    annotations: Annotated[dict[str, Text], Field(max_length=64)] = Field(default_factory=dict)
    """Annotations, name to value."""


class PodTemplate(Model):
    """What the adapter's pods have besides."""

    metadata: TemplateMetadata = TemplateMetadata()
    """Labels and annotations."""
    spec: Open = Field(
        default_factory=dict,
        examples=[{"serviceAccountName": "orders", "nodeSelector": {"disk": "ssd"}}],
    )
    """Fields of a pod: where it runs (`nodeSelector`, `affinity`, `tolerations`,
    `topologySpreadConstraints`, `priorityClassName`, `schedulerName`, `runtimeClassName`), as whom
    (`serviceAccountName`, `imagePullSecrets`), `hostAliases`, `dnsPolicy`, `dnsConfig`, and of the
    container `adapter`: `resources`, `env` and `imagePullPolicy`. Others are the operator's."""
