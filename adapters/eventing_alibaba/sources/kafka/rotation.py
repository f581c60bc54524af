"""Credentials that change while the process runs.

Secrets are read anew every few seconds: they are small files, and nothing tells when a mounted one
was exchanged. A new password is handed to the running consumer, which uses it at its next login. A
new certificate needs a new consumer, as librdkafka reads certificates once; so the session ends in
order (what is under way is waited for and committed) and the flow opens the next one.

A secret that cannot be read at the moment (it is being exchanged, or somebody deleted it) changes
nothing: the session was accepted with the old one and is good.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import Disconnected, Unauthorized
from eventing_alibaba.sources.kafka.settings import Secrets, read_secrets

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Credentials
    from eventing_alibaba.sources.kafka.spec import Net

_EVERY: Final = 5.0
_EVERY_WHEN_REFUSED: Final = 1.0
log: Final = logging.getLogger(__name__)


class Rotation:
    """Watches the secrets of one session; used in the consumer's thread."""

    def __init__(
        self,
        net: Net,
        credentials: Credentials,
        secrets: Secrets,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._secrets = secrets
        self._now = now
        self._next = now() + _EVERY
        self._watching = net.sasl.enable or net.tls.enable
        self._complaint = ""

    def tend(self, *, refused: bool) -> tuple[str, str] | None:
        """Return user and password when they have changed; looks more often while `refused`.

        Raises Disconnected when certificates have: the session must be opened anew.
        """
        now = self._now()
        if refused:
            self._next = min(self._next, now + _EVERY_WHEN_REFUSED)
        if not self._watching or now < self._next:
            return None
        self._next = now + _EVERY
        try:
            found = read_secrets(self._net, self._credentials)
        except Unauthorized as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.warning("the session goes on with the secret it has: %s", error)
            return None
        self._complaint = ""
        old, self._secrets = self._secrets, found
        if not found.same_tls(old):
            raise Disconnected(
                "the certificates in spec.net.tls have changed; the session is opened anew",
                reason="CertificatesRotated",
            )
        if found.same_login(old) or found.user is None or found.password is None:
            return None
        log.info("user or password in spec.net.sasl have changed; new logins use them")
        return found.user, found.password
