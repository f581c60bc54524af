"""Why a condition is as it is: each reason with what to do, in this one place.

A reason's name is a heading of docs/conditions.md, and its link ends the message of a condition
that is not True. What is special about a case, such as a name, comes before the advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from eventing_alibaba_operator import names

_LONGEST: Final = 2048
"""Characters of a message."""

State: TypeAlias = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason.

    Attributes:
        name: CamelCase.
        state: what the condition is with it.
        advice: what to do; "" where nothing is to be done.
        final: only a change of the source helps (kstatus: Stalled).
    """

    name: str
    state: State
    advice: str = ""
    final: bool = False

    @property
    def link(self) -> str:
        """Where to read more; "" where all is well, and nothing is to be done."""
        well = self.state == "True" and not self.advice
        return "" if well else f"See {names.DOCS}#{self.name.lower()}"

    def says(self, fact: str = "") -> str:
        """Return the message: the fact, the advice, the link; a fact that is too long is cut."""
        room = _LONGEST - len(self.advice) - len(self.link) - 2
        parts = (_sentence(fact, room), self.advice, self.link)
        return " ".join(part for part in parts if part)


def _sentence(text: str, longest: int) -> str:
    if len(text) >= longest:
        return f"{text[: longest - 1]}…"
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


# Ready
READY: Final = Reason("Ready", "True")
SCALED_TO_ZERO: Final = Reason("ScaledToZero", "True")
PAUSED: Final = Reason("Paused", "True")
INVALID_SPEC: Final = Reason(
    "InvalidSpec", "False", "Change the source as it says; what runs goes on as it was.", final=True
)

# SinkProvided
SINK_PROVIDED: Final = Reason("SinkProvided", "True")
SINK_NOT_FOUND: Final = Reason(
    "SinkNotFound", "False", "Create it, or name another; it is looked for again by itself."
)
SINK_KIND_UNKNOWN: Final = Reason(
    "SinkKindUnknown",
    "False",
    "Check `apiVersion` and `kind` of the ref, or install what brings the kind.",
)
SINK_NOT_READABLE: Final = Reason(
    "SinkNotReadable",
    "False",
    "Label a ClusterRole that may get, list and watch it with"
    ' `duck.knative.dev/addressable: "true"`, or give the sink by `uri`.',
)
SINK_NOT_ADDRESSABLE: Final = Reason(
    "SinkNotAddressable", "False", "Wait until it is ready, or give the sink by `uri`."
)
SINK_FORBIDDEN: Final = Reason(
    "CrossNamespaceSinkForbidden",
    "False",
    "Name a sink in the source's own namespace, or have the operator started with"
    " `--cross-namespace-sinks=allow`.",
)
SINK_LOOKED_UP: Final = Reason("SinkLookedUp", "Unknown", "Wait; the API server is asked again.")

# CredentialsProvided
CREDENTIALS_PROVIDED: Final = Reason("CredentialsProvided", "True")
CREDENTIALS_NOT_CHECKED: Final = Reason("CredentialsNotChecked", "Unknown")
SECRET_NOT_FOUND: Final = Reason(
    "SecretNotFound", "False", "Create it; the adapter takes it up without a restart."
)

# Deployed
DEPLOYED: Final = Reason("Deployed", "True")
ROLLING_OUT: Final = Reason("RollingOut", "Unknown")
ROLLOUT_STALLED: Final = Reason(
    "RolloutStalled", "False", "`kubectl describe` the Deployment and its pods."
)
PODS_REFUSED: Final = Reason(
    "PodsRefused", "False", "Change the quota, policy or template that it names."
)
TEMPLATE_REFUSED: Final = Reason(
    "TemplateRefused", "False", "Take the field out of `spec.template`.", final=True
)
NAME_TAKEN: Final = Reason(
    "NameTaken", "False", "It is left untouched: delete it, or name the source otherwise."
)
CHILD_REFUSED: Final = Reason(
    "ChildRefused", "False", "Change what it names; it is tried again by itself."
)
NOT_DEPLOYED: Final = Reason("NotDeployed", "Unknown", "It waits for what is wrong above.")

# Consuming
CONSUMING: Final = Reason("Consuming", "True")
NOT_CONSUMING: Final = Reason("NotConsuming", "Unknown")
ADAPTER_STARTING: Final = Reason("AdapterStarting", "Unknown")
ADAPTER_SILENT: Final = Reason(
    "AdapterSilent", "Unknown", "Look at the pod's log; is a NetworkPolicy in the operator's way?"
)
ADAPTER_NOT_STARTED: Final = Reason(
    "AdapterNotStarted", "False", "Mend what the kubelet names: image, node, or quota."
)
ADAPTER_MISCONFIGURED: Final = Reason(
    "AdapterMisconfigured", "False", "Change the source as it says.", final=True
)
ADAPTER_CRASHED: Final = Reason("AdapterCrashed", "False", "Look at the log of its last run.")
ADAPTER_SAYS: Final = Reason("AdapterNotReady", "False")
"""Stands for whatever the adapter itself says; its own reason takes the place of the name."""

# SinkReachable
SINK_REACHABLE: Final = Reason("SinkReachable", "True")
SINK_UNREACHABLE: Final = Reason(
    "SinkUnreachable",
    "False",
    "Messages wait in their broker; they are sent when the service answers again.",
)

# Blocked
EVENT_BLOCKED: Final = Reason(
    "EventBlocked",
    "True",
    "Mend the service, so that it takes the event, or `eventing-alibaba skip` it.",
)

ALL: Final = tuple(value for value in list(globals().values()) if isinstance(value, Reason))
