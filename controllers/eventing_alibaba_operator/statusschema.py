"""The schema of `status`: the shape of Knative's sources, and what autoscalers and people read.

Not made from a model, because nothing reads a status back but to compare it; `status.py` makes it.
"""

from __future__ import annotations

from typing import Any, Final


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "type": "string", **more}


_CONDITION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {
        "type": _text("What it is about.", maxLength=316),
        "status": _text("True, False, or Unknown.", enum=["True", "False", "Unknown"]),
        "reason": _text("A CamelCase word for programs.", maxLength=1024),
        "message": _text("A sentence for people: what is, and what to do.", maxLength=32768),
        "severity": _text("Empty: an error where False. Info: not an error.", maxLength=32),
        "lastTransitionTime": _text("When `status` last changed.", format="date-time"),
        "observedGeneration": {
            "description": "The generation of the source that this was seen with.",
            "type": "integer",
            "format": "int64",
        },
    },
}

STATUS: Final[dict[str, Any]] = {
    "description": "What is known of the source; written by the operator.",
    "type": "object",
    "properties": {
        "observedGeneration": {
            "description": "The generation that all of this is about.",
            "type": "integer",
            "format": "int64",
        },
        "conditions": {
            "description": "How the source is; `Ready` sums it up.",
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": _CONDITION,
        },
        "sinkUri": _text("Where events go."),
        "sinkCACerts": _text("PEM certificates to trust for it."),
        "sinkAudience": _text("OIDC audience of it."),
        "deadLetterSinkUri": _text("Where exhausted events go."),
        "deadLetterSinkCACerts": _text("PEM certificates to trust for it."),
        "deadLetterSinkAudience": _text("OIDC audience of it."),
        "ceAttributes": {
            "description": "Type and source of the events, as far as known before they are made.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": _text("Type of the events."),
                    "source": _text("Source of the events."),
                },
            },
        },
        "auth": {
            "description": "Who the adapter is to its sink.",
            "type": "object",
            "properties": {
                "serviceAccountName": _text("Account whose tokens the sink is shown."),
            },
        },
        "consumers": {
            "description": "Adapters that exist.",
            "type": "integer",
            "format": "int32",
        },
        "selector": _text("Label selector of the adapters' pods, for autoscalers."),
        "consumerGroup": _text("Group whose offsets say what was delivered."),
        "deployment": _text("Name of the Deployment that runs the adapters."),
        "adapterVersion": _text("Version of the adapters, as they tell it."),
        "annotations": {
            "description": "Further facts.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    },
}
