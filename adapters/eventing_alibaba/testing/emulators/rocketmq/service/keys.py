"""Access keys: who may come in, with which secret, and with which token of STS."""

from __future__ import annotations

from dataclasses import dataclass

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError


@dataclass(slots=True, frozen=True, kw_only=True)
class Key:
    """An access key, or the user and password of an instance.

    Attributes:
        id: what a request's credential says.
        secret: what it is signed with.
        token: the STS token that must come with it.
        expires: when the token ends, in ms since the epoch.
    """

    id: str
    secret: str
    token: str | None = None
    expires: int | None = None


class Keyring:
    """The keys that there are."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    def add(self, key: Key) -> None:
        """Add a key, or replace the one with its id."""
        self._keys[key.id] = key

    def get(self, id_: str) -> Key:
        """Return a key. Raises ServiceError where there is none."""
        key = self._keys.get(id_)
        if key is None:
            raise ServiceError("UNAUTHORIZED", f"User:{id_} is not found.")
        return key

    def remove(self, id_: str) -> None:
        """Remove a key. Raises ServiceError where there is none."""
        self.get(id_)
        del self._keys[id_]

    def ids(self) -> list[str]:
        """Return the ids."""
        return list(self._keys)
