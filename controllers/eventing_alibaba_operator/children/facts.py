"""The fields of a source's status that are no conditions; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba_operator.children.deployment import account_of
from eventing_alibaba_operator.children.naming import selector
from eventing_alibaba_operator.children.wish import Wish
from eventing_alibaba_operator.kinds import Key

_OF_THE_SINK = (
    *("sinkUri", "sinkCACerts", "sinkAudience"),
    *("deadLetterSinkUri", "deadLetterSinkCACerts", "deadLetterSinkAudience"),
)


def facts(
    key: Key,
    spec: SourceSpec | None,
    wish: Wish | None,
    live: Mapping[str, Any] | None,
    *,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the facts; None for what is not known.

    `wish` None: the sink has no address now. What adapters send to stays as it was told `before`,
    as long as there are adapters.
    """
    found: dict[str, Any] = {
        "selector": ",".join(f"{name}={value}" for name, value in selector(key).items()),
        "consumers": 0 if live is None else (live.get("status") or {}).get("replicas", 0),
        "adapterVersion": before.get("adapterVersion"),
    }
    if live is not None:
        found["deployment"] = live["metadata"]["name"]
        if wish is None:
            found.update({name: before.get(name) for name in _OF_THE_SINK})
    if wish is not None:
        found["sinkUri"] = wish.sink.uri
        found["sinkCACerts"] = wish.sink.ca_certs
        found["sinkAudience"] = wish.sink.audience
        if wish.dead_letter is not None:
            found["deadLetterSinkUri"] = wish.dead_letter.uri
            found["deadLetterSinkCACerts"] = wish.dead_letter.ca_certs
            found["deadLetterSinkAudience"] = wish.dead_letter.audience
        account = account_of(wish)
        found["auth"] = {"serviceAccountName": account} if account else None
    if spec is not None:
        found["ceAttributes"] = attributes(spec)
        found["consumerGroup"] = group(key, spec)
    return found


def attributes(spec: SourceSpec) -> list[dict[str, str]]:
    """Return type and source of the events, as far as the spec tells them."""
    if spec.event.format != "knative":
        return []
    types = [spec.event.type] if spec.event.type else [t for t, _ in spec.resource.event_types]
    source = {"source": spec.event.source} if spec.event.source else {}
    return [{"type": name, **source} for name in types if name]


def group(key: Key, spec: SourceSpec) -> str | None:
    """Return the consumer group, for kinds that have one."""
    if "consumer_group" not in type(spec).model_fields:
        return None
    given = getattr(spec, "consumer_group", None)
    return given or f"eventing-alibaba.{key.namespace}.{key.name}"
