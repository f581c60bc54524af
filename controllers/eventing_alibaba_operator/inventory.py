"""The sources that exist, as last seen, and who is to be woken by which child."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba_operator.children.naming import child_name
from eventing_alibaba_operator.kinds import Key
from eventing_alibaba_operator.kube import Object, newer


class Source:
    """One source.

    Attributes:
        body: the object, without managed fields.
        spec: validated; None until it was, or where it is not valid.
        problem: why it is not valid.
    """

    __slots__ = ("body", "checked", "problem", "spec")

    def __init__(self, body: Object) -> None:
        body["metadata"].pop("managedFields", None)
        self.body = body
        self.spec: SourceSpec | None = None
        self.problem: str | None = None
        self.checked: int | None = None

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.body["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """Of the spec."""
        return int(self.body["metadata"]["generation"])

    @property
    def status(self) -> dict[str, Any]:
        """As last seen or written."""
        return self.body.get("status") or {}


class Inventory:
    """All sources by their keys, and by the names of their children."""

    def __init__(self) -> None:
        self._sources: dict[Key, Source] = {}
        self._children: dict[tuple[str, str], Key] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._sources))

    def __repr__(self) -> str:
        return f"<Inventory {len(self)} sources>"

    def put(self, key: Key, body: Object) -> bool:
        """Keep an object unless a later state of it is known; return whether it was kept."""
        known = self._sources.get(key)
        made = Source(body)
        if known is not None and known.uid == made.uid:
            if not newer(body, known.body):
                return False
            if known.generation == made.generation:
                made.spec, made.problem = known.spec, known.problem
                made.checked = known.checked
        self._sources[key] = made
        self._children[key.namespace, child_name(key)] = key
        return True

    def get(self, key: Key) -> Source | None:
        """Return a source; None if there is none."""
        return self._sources.get(key)

    def drop(self, key: Key, uid: str | None = None) -> None:
        """Forget a source; with `uid` only if it still is that one."""
        known = self._sources.get(key)
        if known is not None and (uid is None or known.uid == uid):
            del self._sources[key]
            self._children.pop((key.namespace, child_name(key)), None)

    def of_child(self, namespace: str, child: str) -> Key | None:
        """Return the source whose child has this name."""
        return self._children.get((namespace, child))
