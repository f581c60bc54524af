"""The names of the environment variables and fixed paths, in this one place.

Those that begin with `K_`, and `NAME` and `NAMESPACE`, are Knative's (eventing, pkg/adapter/v2);
SinkBinding and ContainerSource set them too. Accepted and without effect, because what they steer
is Knative's own: `K_COMPONENT` beyond its log level, `K_RESOURCE_GROUP`, `K_OIDC_SERVICE_ACCOUNT`,
`K_METRICS_CONFIG`, `K_TRACING_CONFIG`, `K_OBSERVABILITY_CONFIG`, `K_LEADER_ELECTION_CONFIG`,
`K_KLOG_VERBOSITY`.
"""

from __future__ import annotations

from typing import Final

SINK: Final = "K_SINK"
CA_CERTS: Final = "K_CA_CERTS"
AUDIENCE: Final = "K_AUDIENCE"
SINK_TIMEOUT: Final = "K_SINK_TIMEOUT"
OVERRIDES: Final = "K_CE_OVERRIDES"
SOURCE_CONFIG: Final = "K_SOURCE_CONFIG"
LOGGING_CONFIG: Final = "K_LOGGING_CONFIG"
COMPONENT: Final = "K_COMPONENT"
NAMESPACE: Final = "NAMESPACE"
NAME: Final = "NAME"

SECRETS: Final = "EVENTING_ALIBABA_SECRETS"
HOST: Final = "EVENTING_ALIBABA_HOST"
PORT: Final = "EVENTING_ALIBABA_PORT"
METRICS_PORT: Final = "EVENTING_ALIBABA_METRICS_PORT"
LOG_FORMAT: Final = "EVENTING_ALIBABA_LOG_FORMAT"
LOG_LEVEL: Final = "EVENTING_ALIBABA_LOG_LEVEL"
TOKEN_FILE: Final = "EVENTING_ALIBABA_OIDC_TOKEN_FILE"  # noqa: S105 - a name
DEAD_LETTER_TOKEN_FILE: Final = "EVENTING_ALIBABA_DEAD_LETTER_OIDC_TOKEN_FILE"  # noqa: S105
TERMINATION_LOG: Final = "EVENTING_ALIBABA_TERMINATION_LOG"
CONTROL: Final = "EVENTING_ALIBABA_CONTROL"

DEFAULT_TOKEN_FILE: Final = "/oidc/token"  # noqa: S105 - a path
"""Where SinkBinding and ContainerSource mount the token."""
DEFAULT_TRUST_DIRECTORY: Final = "/knative-custom-certs"
"""Where Knative mounts trust bundles (eventing, pkg/eventingtls)."""
DEFAULT_TERMINATION_LOG: Final = "/dev/termination-log"
DEFAULT_PORT: Final = 8080
DEFAULT_METRICS_PORT: Final = 9092
