"""Rules in CEL about fields of one kind alone, which the API server checks beside its schema.

Each says what a validator of the model says, so that `kubectl apply` refuses what `run -f` refuses
and nobody has to wait for a condition. They are about who logs in, by what, and about what cannot
change because what was consumed hangs on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventing_alibaba.contract.rules import Rule, immutable

_WAYS: Final = "[has(self.accessKeyId), has(self.rrsa) && self.rrsa, has(self.ecsRole)]"


def _together(one: str, other: str) -> Rule:
    return {
        "rule": f"has(self.{one}) == has(self.{other})",
        "message": f"`{one}` and `{other}` must be given together",
    }


def _needs(one: str, field: str, other: str) -> Rule:
    return {
        "rule": f"!has(self.{field}) || has(self.{one})",
        "message": f"`{one}` and `{other}` must be given because `{field}` is",
    }


RULES: Final[Mapping[str, Mapping[str, Sequence[Rule]]]] = {
    "AliKafkaSource": {
        "net.sasl": (
            {
                "rule": "!has(self.enable) || !self.enable"
                " || (has(self.user) && has(self.password))",
                "message": "`user` and `password` must be given because `enable` is true",
            },
        ),
    },
    "MnsSource": {
        "auth": (
            _together("accessKeyId", "accessKeySecret"),
            _needs("accessKeyId", "securityToken", "accessKeySecret"),
            {
                "rule": f"{_WAYS}.filter(given, given).size() <= 1",
                "message": "must have only one of `accessKeyId`, `rrsa`, `ecsRole`",
            },
        ),
    },
    "RocketMQSource": {
        "": tuple(immutable(field) for field in ("instance", "topic", "consumerGroup")),
        "auth": (
            _together("username", "password"),
            _needs("username", "securityToken", "password"),
        ),
    },
}
"""By kind and path within the spec; "" is the spec itself."""


def add_rules(kind: str, spec: Mapping[str, Any]) -> None:
    """Add the kind's rules to the schema of its spec, in place."""
    for path, rules in RULES.get(kind, {}).items():
        node: Any = spec
        for part in filter(None, path.split(".")):
            node = node["properties"][part]
        known = node.get("x-kubernetes-validations", ())
        node["x-kubernetes-validations"] = [*known, *map(dict, rules)]
