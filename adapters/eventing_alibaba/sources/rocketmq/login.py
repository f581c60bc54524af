"""User name and password, as references of the manifest, read again every few seconds.

So a rotated Secret is used without a restart. One that cannot be read at the moment (it is being
exchanged) is replaced by what was read before, which the service has accepted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import Unauthorized

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Credentials
    from eventing_alibaba.sources.rocketmq.spec import Auth

log: Final = logging.getLogger(__name__)

_READ_EVERY: Final = 5.0


@dataclass(slots=True, frozen=True)
class Login:
    """What signs a call; nothing of it is shown.

    Attributes:
        user: an instance's user name, or an access key id.
        password: its password, or the access key's secret.
        token: of a temporary access key (STS).
    """

    user: str
    password: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class LoginReader:
    """Reads the login that `auth` refers to; None where it refers to nothing."""

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
        self._login: Login | None = None
        self._next = 0.0
        self._complaint = ""

    def get(self) -> Login | None:
        """Return the login of now. Raises Unauthorized with a sentence where none was ever read."""
        if self._auth.username is None:
            return None
        now = self._now()
        if self._login is None:
            self._login = self._read()
            self._next = now + _READ_EVERY
        elif now >= self._next:
            self._next = now + _READ_EVERY
            try:
                self._login = self._read()
                self._complaint = ""
            except Unauthorized as error:
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    log.warning("calls go on with the login that was read before: %s", error)
        return self._login

    def refused(self) -> None:
        """Read it anew at the next call, since the service does not accept it."""
        self._next = 0.0

    def _read(self) -> Login:
        auth = self._auth
        assert auth.username is not None
        assert auth.password is not None
        read = self._credentials.read
        token = auth.security_token
        return Login(
            read(auth.username, field="spec.auth.username"),
            read(auth.password, field="spec.auth.password"),
            None if token is None else read(token, field="spec.auth.securityToken"),
        )
