"""`sinkAuth`: headers, user and password, or a token, all from secrets.

What was read once stays in use while it cannot be read: a Secret that is being replaced, or was
taken away by mistake, should not stop events that the sink would still take. Before the first
reading there is nothing to stay with, and nothing is sent.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator
from typing import Final

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.secret import SecretReference
from eventing_alibaba.contract.sinkauth import SinkAuth
from eventing_alibaba.contract.spec import Credentials
from eventing_alibaba.sink.identity import Headers, NoProofError
from eventing_alibaba.wire.request import check_value

log = logging.getLogger(__name__)

FIELD: Final = "spec.sinkAuth"

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class SecretHeaders:
    """A `Proof`: the headers that `auth` names. `report` hears, once, why a secret is not read."""

    def __init__(
        self,
        auth: SinkAuth,
        credentials: Credentials,
        *,
        report: Callable[[str], None] = log.warning,
    ) -> None:
        self._auth = auth
        self._credentials = credentials
        self._report = report
        self._reported = ""
        self._last: Headers | None = None

    def headers(self) -> Headers:
        """See `Proof`."""
        try:
            self._last = tuple(self._read())
        except NoProofError as error:
            if self._last is None:
                raise
            if str(error) != self._reported:
                self._reported = str(error)
                self._report(f"the credentials for the sink stay as they were: {error}")
        else:
            self._reported = ""
        return self._last

    def close(self) -> None:
        """Forget the secrets."""
        self._last = None

    def _read(self) -> Iterator[tuple[str, str]]:
        auth = self._auth
        for at, header in enumerate(auth.headers):
            where = f"headers[{at}].value"
            yield header.name, _fit(self._secret(header.value, where), header.name, where)
        if auth.basic is not None:
            user = self._secret(auth.basic.username, "basic.username")
            password = self._secret(auth.basic.password, "basic.password")
            yield "Authorization", basic(user, password)
        if auth.bearer is not None:
            yield "Authorization", bearer(self._secret(auth.bearer.token, "bearer.token"))

    def _secret(self, reference: SecretReference, where: str) -> str:
        return secret(self._credentials, reference, where)

    def __repr__(self) -> str:
        return f"<SecretHeaders {'read' if self._last is not None else 'not read yet'}>"


def secret(credentials: Credentials, reference: SecretReference, where: str) -> str:
    """Return a secret of `sinkAuth`. Raises NoProofError naming the field and what is missing."""
    try:
        return credentials.read(reference, field=f"{FIELD}.{where}")
    except SourceError as error:
        raise NoProofError(str(error)) from None


def basic(user: str, password: str) -> str:
    """Return the value of Authorization for user and password (RFC 7617), as UTF-8.

    Raises NoProofError, showing neither, where they cannot be told apart or hold a control
    character.
    """
    if ":" in user:
        raise NoProofError(f"{FIELD}.basic.username: holds a colon, where the password would begin")
    for text, name in ((user, "username"), (password, "password")):
        if found := _CONTROL.search(text):
            raise NoProofError(
                f"{FIELD}.basic.{name}: holds the control character 0x{ord(found[0]):02x} at"
                f" position {found.start()} of {len(text)}; take it out"
            )
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def bearer(token: str) -> str:
    """Return the value of Authorization for a token (RFC 6750).

    Raises NoProofError, without showing it, where it cannot be a token.
    """
    if not _TOKEN.fullmatch(token):
        raise NoProofError(
            f"{FIELD}.bearer.token: is empty, or holds a blank, a line break or another character"
            " that no token has; give the token alone"
        )
    return f"Bearer {token}"


def _fit(value: str, name: str, where: str) -> str:
    try:
        check_value(value, name=name)
    except ValueError as error:  # its sentence shows no value
        raise NoProofError(f"{FIELD}.{where}: {error}") from None
    return value
