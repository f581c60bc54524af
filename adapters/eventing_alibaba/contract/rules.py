"""Rules for an API server, in CEL, where a rule is about several fields or about an earlier value.

Each says the same as a validator of the model that carries it, or as what reads the value later, so
that `kubectl apply` refuses what `run -f` refuses, in nearly the same words. Texts that a rule
looks at have a greatest length in the model, since an API server refuses a rule whose cost it
cannot bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final, TypeAlias

from pydantic.config import JsonDict

Rule: TypeAlias = Mapping[str, str]
"""An entry of `x-kubernetes-validations`."""

_ADDRESSED: Final = (
    "has(self.ref) ? !has(self.uri) || !self.uri.contains('://')"
    " : has(self.uri) && self.uri.matches('^[Hh][Tt][Tt][Pp][Ss]?://[^/]')"
)

ADDRESSED: Final[JsonDict] = {
    "rule": _ADDRESSED,
    "message": "must have exactly one of `ref` and an absolute http or https `uri`; beside `ref`,"
    " `uri` may be a path such as /events",
}

NATIVE: Final = ("kafka", "mns", "rocketmq")
_NATIVE: Final = tuple(f"has(self.{name})" for name in NATIVE)

ONE_KIND_OF_DEAD_LETTERS: Final[JsonDict] = {
    "rule": f"{' || '.join(_NATIVE)} ? !has(self.ref) && !has(self.uri)"
    f" && {' && '.join(f'!({a} && {b})' for a, b in combinations(_NATIVE, 2))} : ({_ADDRESSED})",
    "message": "must have exactly one of `ref`, an absolute http or https `uri`, `kafka`, `mns`,"
    " and `rocketmq`; beside `ref`, `uri` may be a path such as /events",
}

EXTENSIONS: Final[dict[str, str]] = {
    "rule": "!has(self.extensions) || self.extensions.all(name, name.matches('^[a-z0-9]{1,20}$')"
    " && !(name in ['id', 'source', 'specversion', 'type']))",
    "message": "`extensions` must have names of 1 to 20 lower-case letters and digits, and must not"
    " override an attribute CloudEvents requires (id, source, specversion, type)",
}


BURIED_SOMEWHERE: Final[JsonDict] = {
    "rule": "!has(self.onExhausted) || self.onExhausted != 'deadLetter'"
    " || has(self.deadLetterSink)",
    "message": "`onExhausted: deadLetter` needs a `deadLetterSink`",
}

NOTHING_TO_RELEASE: Final[JsonDict] = {
    "rule": "!has(self.delivery) || !has(self.delivery.onExhausted)"
    " || self.delivery.onExhausted != 'release'",
    "message": "`delivery.onExhausted: release` is not possible here: this broker cannot take a"
    " single message back; write `block`, `deadLetter` or `drop`",
}


def lasting(field: str) -> JsonDict:
    """Return the rule that a duration is longer than nothing."""
    return {
        "rule": f"!has(self.{field}) || self.{field}.matches('[1-9]')",
        "message": f"`{field}` must be longer than PT0S",
    }


def at_home(native: str) -> JsonDict:
    """Return the rule that dead letters go to no other broker's place than `native`."""
    others = (name for name in NATIVE if name != native)
    absent = " && ".join(f"!has(self.delivery.deadLetterSink.{name})" for name in others)
    return {
        "rule": f"!has(self.delivery) || !has(self.delivery.deadLetterSink) || ({absent})",
        "message": "`delivery.deadLetterSink` names a place of another broker than this source's;"
        f" write `{native}`, or `uri` or `ref`",
    }


def elsewhere(native: str, place: str, own: str) -> JsonDict:
    """Return the rule that dead letters do not go to where they came from.

    `place` is the field of the dead-letter sink `native`; `own` tells with what it is compared, in
    the spec: `== self.queue`.
    """
    sink = f"self.delivery.deadLetterSink.{native}"
    return {
        "rule": "!has(self.delivery) || !has(self.delivery.deadLetterSink)"
        f" || !has({sink}) || !({sink}.{place} {own})",
        "message": f"`delivery.deadLetterSink.{native}.{place}` is the source's own: what is dead"
        " would be delivered again at once; name another one",
    }


def immutable(field: str) -> Rule:
    """Return the rule that a field of the spec, optional or not, stays as it was created."""
    return {
        "rule": f"has(self.{field}) == has(oldSelf.{field})"
        f" && (!has(self.{field}) || self.{field} == oldSelf.{field})",
        "message": f"`{field}` must stay as it is: what was consumed hangs on it. To start anew,"
        " create another source",
        "fieldPath": f".{field}",
    }


def together(one: str, other: str) -> JsonDict:
    """Return the rule that two fields are given both, or none of them."""
    return {
        "rule": f"has(self.{one}) == has(self.{other})",
        "message": f"`{one}` and `{other}` must be given together",
    }


def token_needs(one: str, other: str) -> JsonDict:
    """Return the rule that a `securityToken` is given only beside the two fields it goes with."""
    return {
        "rule": f"!has(self.securityToken) || has(self.{one})",
        "message": f"`{one}` and `{other}` must be given because `securityToken` is",
    }
