"""What every call says of who asks: metadata of gRPC, signed where there is a login.

Only the time is signed, with HMAC-SHA1 (apache.rocketmq.v2, "MQv2-HMAC-SHA1"), and it has whole
seconds: so what is said stays the same for a second, and is made once for it.

The client's id is what a proxy keeps settings by. It is one for all connections of a process and
another one for each process, also for two in containers that share host name and process number.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import platform
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.login import LoginReader

Metadata: TypeAlias = tuple[tuple[str, str], ...]

VERSION: Final = "5.1.2"
"""The version of RocketMQ's clients whose behaviour is kept to."""

HOST: Final = platform.node() or "localhost"


def client_id() -> str:
    """Return a new id of a client, in the form of RocketMQ's own clients."""
    host = HOST.encode("ascii", "replace").decode()
    return f"{host}@{os.getpid()}@0@{secrets.token_hex(6)}"


class Signer:
    """Makes the metadata of calls.

    Attributes:
        client: the client's id.
        login: read anew, and asked by who learns that it is refused.
    """

    def __init__(
        self,
        login: LoginReader,
        namespace: str,
        *,
        client: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client or client_id()
        self.login = login
        self._clock = clock
        self._second = -1
        self._made: Metadata = ()
        self._always: Metadata = (
            ("x-mq-client-id", self.client),
            ("x-mq-language", "PYTHON"),
            ("x-mq-client-version", VERSION),
            ("x-mq-protocol", "v2"),
        )
        if namespace:
            self._always += (("x-mq-namespace", namespace),)

    def metadata(self) -> Metadata:
        """Return the metadata of a call that is made now. Raises Unauthorized."""
        second = int(self._clock())
        if second != self._second:
            self._made = self._signed(second)
            self._second = second
        return self._made

    def refused(self) -> None:
        """Sign the next call with a login that is read anew."""
        self.login.refused()
        self._second = -1

    def _signed(self, second: int) -> Metadata:
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        said = (
            *self._always,
            ("x-mq-date-time", date),
            ("x-mq-request-id", secrets.token_hex(16)),
        )
        login = self.login.get()
        if login is None:
            return said
        if login.token is not None:
            said += (("x-mq-session-token", login.token),)
        signature = hmac.new(login.password.encode(), date.encode(), hashlib.sha1).hexdigest()
        shown = (
            f"MQv2-HMAC-SHA1 Credential={login.user}, SignedHeaders=x-mq-date-time,"
            f" Signature={signature}"
        )
        return (*said, ("authorization", shown))
