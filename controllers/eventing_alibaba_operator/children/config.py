"""What the adapter is told: the source object as JSON, and the resolved addresses.

The object is the user's own, without what is no concern of an adapter: a change of those fields
must not replace its pods. Nothing in it is secret, since a spec only ever names Secrets.
"""

from __future__ import annotations

import json
from typing import Any, Final

from eventing_alibaba.contract.api import API_VERSION
from eventing_alibaba.runtime import names as environment
from eventing_alibaba_operator import names
from eventing_alibaba_operator.children.wish import Address, Wish

_NOT_THE_ADAPTERS: Final = ("consumers", "template", "paused", "scaling")


def variables(wish: Wish) -> list[dict[str, str]]:
    """Return the environment of the adapter's container."""
    told = {
        environment.SOURCE_CONFIG: source_config(wish),
        environment.SINK: wish.sink.uri,
        environment.CA_CERTS: wish.sink.ca_certs,
        environment.AUDIENCE: wish.sink.audience,
        environment.NAMESPACE: wish.key.namespace,
        environment.NAME: wish.key.name,
        environment.SECRETS: names.SECRETS,
        environment.LOG_FORMAT: "json",
    }
    if wish.dead_letter is not None and wish.dead_letter.audience:
        told[environment.DEAD_LETTER_TOKEN_FILE] = f"{names.DEAD_LETTER_OIDC}/token"
    return [{"name": name, "value": value} for name, value in told.items() if value]


def source_config(wish: Wish) -> str:
    """Return the object as JSON, its dead-letter sink resolved; the same for the same wish."""
    spec: dict[str, Any] = {k: v for k, v in wish.raw.items() if k not in _NOT_THE_ADAPTERS}
    if wish.dead_letter is not None:
        delivery = dict(spec.get("delivery", {}))
        delivery["deadLetterSink"] = _destination(wish.dead_letter)
        spec["delivery"] = delivery
    return json.dumps(
        {
            "apiVersion": API_VERSION,
            "kind": wish.key.kind,
            "metadata": {
                "name": wish.key.name,
                "namespace": wish.key.namespace,
                "uid": wish.uid,
            },
            "spec": spec,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _destination(address: Address) -> dict[str, str]:
    found = {"uri": address.uri, "CACerts": address.ca_certs, "audience": address.audience}
    return {name: value for name, value in found.items() if value}
