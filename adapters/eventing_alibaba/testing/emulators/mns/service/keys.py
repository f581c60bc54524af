"""Access keys, permanent ones and those with a token (STS), which end."""

from __future__ import annotations

from dataclasses import dataclass

from eventing_alibaba.testing.emulators.mns.core.errors import ServiceError


@dataclass(slots=True, frozen=True, kw_only=True)
class Key:
    """One access key.

    Attributes:
        id: the AccessKeyId.
        secret: what requests are signed with.
        token: the STS token that must come with each request; None = a permanent key.
        expires: ms since the epoch when the token ends.
        account: whose key it is; None = the account that is served.
    """

    id: str
    secret: str
    token: str | None = None
    expires: int | None = None
    account: str | None = None

    def __repr__(self) -> str:
        return f"<Key {self.id}{' with a token' if self.token else ''}>"


class Keyring:
    """The keys that the service knows, for the account it serves."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._keys: dict[str, Key] = {}

    def add(self, key: Key) -> None:
        """Add a key, in place of the one with the same id."""
        self._keys[key.id] = key

    def remove(self, id: str) -> None:  # noqa: A002 - its name
        """Remove a key. Raises LookupError where there is none."""
        if id not in self._keys:
            raise LookupError(f"there is no access key {id!r}")
        del self._keys[id]

    def ids(self) -> list[str]:
        """Return the ids."""
        return list(self._keys)

    def get(self, id: str) -> Key:  # noqa: A002 - its name
        """Return a key. Raises ServiceError where there is none."""
        try:
            return self._keys[id]
        except KeyError:
            raise ServiceError("InvalidAccessKeyId") from None

    def admit(self, key: Key, token: str | None, now: int) -> None:
        """Check what a right signature does not say. Raises ServiceError."""
        if key.token is not None:
            if token != key.token:
                raise ServiceError("InvalidAccessKeyId")
            if key.expires is not None and key.expires <= now:
                raise ServiceError("SecurityTokenExpired")
        if key.account not in (None, self._account):
            raise ServiceError("AccessDenied")
