"""The names by which the operator's work is recognised, in this one place."""

from __future__ import annotations

from typing import Final

from eventing_alibaba.contract.api import GROUP

MANAGER: Final = "eventing-alibaba"
"""Field manager of the children."""
STATUS_MANAGER: Final = "eventing-alibaba-status"
"""Field manager of the status, by which a Deployment's fields and a source's are told apart."""
COMPONENT: Final = "eventing-alibaba-operator"
"""Who reports an Event."""

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_PART_OF: Final = "app.kubernetes.io/part-of"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"

ADAPTER: Final = "eventing-alibaba-adapter"
"""Value of the label that all adapters' pods have."""
MANAGED_BY: Final = "eventing-alibaba-operator"
PART_OF: Final = "eventing-alibaba"
OURS: Final = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_NAME}={ADAPTER}"
"""Selects our children."""

WANTED: Final = f"{GROUP}/wanted"
"""Annotation of a child: the hash of what was applied."""

TRUST_LABEL: Final = "networking.knative.dev/trust-bundle=true"
"""Selects ConfigMaps with certificates to trust (Knative eventing, pkg/eventingtls)."""
TRUST_BUNDLE: Final = "eventing-alibaba-trust-bundle"
"""Name of the ConfigMap they are copied to in a namespace with sources."""

CONTAINER: Final = "adapter"
HEALTH_PORT: Final = "health"
METRICS_PORT: Final = "metrics"

SECRETS: Final = "/etc/eventing-alibaba/secrets"
OIDC: Final = "/oidc"
DEAD_LETTER_OIDC: Final = "/oidc-dead-letter"

DOCS: Final = "https://eventing-alibaba.dev/conditions.html"
"""The page that explains conditions; a reason is a heading of it."""
