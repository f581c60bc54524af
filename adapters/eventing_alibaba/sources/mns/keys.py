"""With which access key requests are signed: given by the manifest, or found by Alibaba's chain.

Keys of the manifest are references (Secrets, files, variables), read again every few seconds, so
that a rotated one is used without a restart.

Without keys in the manifest the client library of Alibaba Cloud looks for some: environment
variables, the OIDC token of a pod (RRSA), profiles, the RAM role of an ECS instance. What it finds
is temporary; it renews what it has itself, 15 minutes before the end, whenever it is asked. So it
is asked once a minute, in a thread, because it blocks; meanwhile requests go on with the key that
is known, also where a renewal fails: that key is good for minutes yet.

A request that was refused for its key asks for another one (`renew`), and is repeated where there
is one. For the library that means to begin anew, since it would return what it has.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from eventing_alibaba.contract.errors import Misconfigured, Unauthorized

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Credentials
    from eventing_alibaba.sources.mns.spec import Auth

log: Final = logging.getLogger(__name__)

_READ_EVERY: Final = 5.0
_ASK_EVERY: Final = 60.0
_LEAST_PAUSE: Final = 1.0
"""Seconds between two renewals: a hundred refused requests ask once."""
_PATIENCE: Final = 30.0
_CODE: Final = re.compile(r"""["']?Code["']?\s*[:=]\s*["']([A-Za-z0-9.]{1,64})["']""")
_STATUS: Final = re.compile(r"http_code:\s*(\d{3})")


@dataclass(slots=True, frozen=True)
class AccessKey:
    """What signs a request; nothing of it is shown."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class KeySource(Protocol):
    """Where the access key comes from."""

    async def get(self) -> AccessKey:
        """Return the key to sign with now. Raises Unauthorized with a sentence."""

    async def renew(self, refused: AccessKey) -> AccessKey | None:
        """Return another key than the one that was refused; None where there is none."""


class GivenKeys:
    """The access key that the manifest refers to."""

    def __init__(
        self,
        auth: Auth,
        credentials: Credentials,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth = auth
        self._credentials = credentials
        self._now = now
        self._key: AccessKey | None = None
        self._next = 0.0

    async def get(self) -> AccessKey:
        """See `KeySource`. A key that cannot be read for a moment is replaced by the last one."""
        now = self._now()
        if self._key is None:
            self._key = self._read()
            self._next = now + _READ_EVERY
        elif now >= self._next:
            self._next = now + _READ_EVERY
            try:
                self._key = self._read()
            except Unauthorized as error:
                log.warning("requests go on with the access key that was read before: %s", error)
        return self._key

    async def renew(self, refused: AccessKey) -> AccessKey | None:
        """See `KeySource`."""
        self._key = self._read()
        self._next = self._now() + _READ_EVERY
        return None if self._key == refused else self._key

    def _read(self) -> AccessKey:
        auth = self._auth
        assert auth.access_key_id is not None
        assert auth.access_key_secret is not None
        read = self._credentials.read
        token = auth.security_token
        return AccessKey(
            read(auth.access_key_id, field="spec.auth.accessKeyId"),
            read(auth.access_key_secret, field="spec.auth.accessKeySecret"),
            None if token is None else read(token, field="spec.auth.securityToken"),
        )


class FoundKeys:
    """The access key that Alibaba's client library finds.

    `provider` makes a provider of the library; it is called again to begin anew.
    """

    def __init__(
        self,
        provider: Callable[[], Any],
        *,
        what: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = provider
        self._what = what
        self._now = now
        self._provider: Any = None
        self._key: AccessKey | None = None
        self._next = 0.0
        self._renewed = -_LEAST_PAUSE
        self._asking: asyncio.Task[AccessKey] | None = None

    async def get(self) -> AccessKey:
        """See `KeySource`."""
        if self._key is None:
            return await self._ask()
        if self._now() >= self._next and self._asking is None:
            self._next = self._now() + _ASK_EVERY
            self._begin().add_done_callback(_told)
        return self._key

    async def renew(self, refused: AccessKey) -> AccessKey | None:
        """See `KeySource`."""
        if self._key is not None and self._key != refused:
            return self._key
        now = self._now()
        if now - self._renewed < _LEAST_PAUSE and self._asking is None:
            return None
        if self._asking is None:
            self._renewed = now
            self._provider = None
        key = await self._ask()
        return None if key == refused else key

    async def _ask(self) -> AccessKey:
        asking = self._asking or self._begin()
        return await asyncio.shield(asking)

    def _begin(self) -> asyncio.Task[AccessKey]:
        asking = self._asking = asyncio.create_task(self._find(), name="access key")
        asking.add_done_callback(_seen)  # whoever waited may be gone when it fails
        return asking

    async def _find(self) -> AccessKey:
        try:
            async with asyncio.timeout(_PATIENCE):
                key = await asyncio.to_thread(self._blocking)
        except TimeoutError:
            raise Unauthorized(
                f"{self._what} gave no access key within {_PATIENCE:g} s", reason="NoCredentials"
            ) from None
        finally:
            self._asking = None
        self._key = key
        self._next = self._now() + _ASK_EVERY
        return key

    def _blocking(self) -> AccessKey:
        try:
            if self._provider is None:
                self._provider = self._make()
            found = self._provider.get_credentials()
            key_id, secret = found.get_access_key_id(), found.get_access_key_secret()
        except Exception as error:
            raise Unauthorized(
                f"{self._what} has no access key{_why(str(error))}; give spec.auth.accessKeyId and"
                " spec.auth.accessKeySecret, or a RAM role",
                reason="NoCredentials",
            ) from error
        if not key_id or not secret:
            raise Unauthorized(f"{self._what} has an empty access key", reason="NoCredentials")
        return AccessKey(key_id, secret, found.get_security_token() or None)


def keys_of(auth: Auth, credentials: Credentials) -> KeySource:
    """Return where the key comes from. Raises Misconfigured where the library is missing."""
    if auth.access_key_id is not None:
        return GivenKeys(auth, credentials)
    try:
        from alibabacloud_credentials import provider  # noqa: PLC0415 - heavy, and an extra
    except ImportError:
        raise Misconfigured(
            "spec.auth has no accessKeyId, and to find an access key otherwise the package"
            " alibabacloud-credentials is needed: pip install 'eventing-alibaba[mns,ram]'",
            reason="MissingDependency",
        ) from None
    _silence()
    if auth.rrsa:
        return FoundKeys(
            provider.OIDCRoleArnCredentialsProvider, what="the pod's RAM role (spec.auth.rrsa)"
        )
    if auth.ecs_role is not None:
        role = auth.ecs_role
        return FoundKeys(
            lambda: provider.EcsRamRoleCredentialsProvider(
                role_name=role, async_update_enabled=False
            ),
            what=f"the RAM role {role} of this instance (spec.auth.ecsRole)",
        )
    return FoundKeys(
        provider.DefaultCredentialsProvider,
        what="the default chain (environment, OIDC role, profiles, instance role)",
    )


def _silence() -> None:
    """Keep the library from writing to the standard error; what it says is said here."""
    heard = logging.getLogger("credentials")
    heard.handlers = [logging.NullHandler()]
    heard.propagate = False


def _why(text: str) -> str:
    """Return what of an error's text is safe to show: codes, but no part of an answer."""
    told = [f"HTTP {found}" for found in _STATUS.findall(text)[:1]]
    told += _CODE.findall(text)[:1]
    return f" ({', '.join(told)})" if told else ""


def _seen(asking: asyncio.Task[AccessKey]) -> None:
    if not asking.cancelled():
        asking.exception()


def _told(asking: asyncio.Task[AccessKey]) -> None:
    if not asking.cancelled() and (error := asking.exception()) is not None:
        log.warning("requests go on with the access key that was found before: %s", error)
