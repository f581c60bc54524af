"""Who asked the API server for what: its own record, which no client can talk its way out of.

One line of JSON for each request that was answered, written by the server before it goes on. Reads
of the server's own parts are left out, since they are many and nobody's subject.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})

POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"]},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "None", "nonResourceURLs": ["/readyz*", "/healthz*", "/livez*"]},
        {"level": "Metadata"},
    ],
}
"""What the server is to record; JSON is YAML."""


_PIECE: Final = 65536
"""Bytes that are read at once to find the end of a line."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        user: who, such as `system:serviceaccount:NAMESPACE:NAME`.
        verb: Kubernetes' word: get, list, watch, create, update, patch, delete.
        group, resource, part: what; `part` is the subresource or empty. For a path that is no
            resource (discovery, health) `resource` is empty and `name` the path.
        namespace, name: which; empty where the request named none.
        code: HTTP status of the answer; 0 while a watch goes on.
        at: when it arrived, seconds since the epoch.
        agent: the client's own name for itself.
    """

    user: str
    verb: str
    group: str
    resource: str
    part: str
    namespace: str
    name: str
    code: int
    at: float
    agent: str

    @property
    def writes(self) -> bool:
        """Whether it asked for a change."""
        return self.verb in WRITES

    @property
    def what(self) -> str:
        """`resource` or `resource/part`, as in a role."""
        return f"{self.resource}/{self.part}" if self.part else self.resource


class AuditLog:
    """Reads the server's file from where it was last read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> int:
        """The place where what happens from now on will begin: after the last whole line."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            while size > 0:
                start = max(0, size - _PIECE)
                file.seek(start)
                found = file.read(size - start).rfind(b"\n")
                if found >= 0:
                    return start + found + 1
                size = start
        return 0

    def calls(self, since: int = 0, *, user: str | None = None) -> Calls:
        """The finished requests from a mark on, and watches that have begun; of one user if given.

        A watch that has begun and ended counts once.
        """
        if not self.path.exists():
            return Calls()
        with self.path.open("rb") as file:
            file.seek(since)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        found: dict[str, Call] = {}
        for line in complete.splitlines():
            event = json.loads(line)
            if user is None or event["user"]["username"] == user:
                found[event["auditID"]] = _call(event)
        return Calls(found.values())


class Calls(list[Call]):
    """Requests in the order of their end."""

    def writes(self) -> Self:
        """Those that asked for a change."""
        return type(self)(call for call in self if call.writes)

    def to(self, what: str, *verbs: str) -> Self:
        """Those for `resource` or `resource/part`; of these verbs if any are given."""
        return type(self)(c for c in self if c.what == what and (not verbs or c.verb in verbs))

    def refused(self, *codes: int) -> Self:
        """Those answered with one of these statuses."""
        return type(self)(call for call in self if call.code in codes)

    def __str__(self) -> str:
        """A table: how many of each verb, thing and status, the most frequent first."""
        return table(self)


def table(calls: Iterable[Call]) -> str:
    """How often each verb on each thing was answered with which status, the most frequent first."""
    counted = Counter((c.verb, c.what or c.name, c.code) for c in calls)
    return "\n".join(
        f"{count:6d}  {verb} {what} {code}" for (verb, what, code), count in counted.most_common()
    )


def _call(event: dict[str, Any]) -> Call:
    reference = event.get("objectRef") or {}
    return Call(
        user=event["user"]["username"],
        verb=event["verb"],
        group=reference.get("apiGroup", ""),
        resource=reference.get("resource", ""),
        part=reference.get("subresource", ""),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", "") if reference else event["requestURI"],
        code=(event.get("responseStatus") or {}).get("code", 0),
        at=_epoch(event["requestReceivedTimestamp"]),
        agent=event.get("userAgent", ""),
    )


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
