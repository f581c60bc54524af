"""What users write under `sinkAuth`: what a request shows, so that the service lets it in."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from eventing_alibaba.contract.model import Model
from eventing_alibaba.contract.secret import SecretReference

_HEADER: Final = r"^[A-Za-z0-9._-]+$"
_OURS: Final = frozenset(
    {
        *("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade"),
        *("expect", "trailer", "te", "keep-alive", "proxy-connection", "user-agent"),
        "kn-namespace",
    }
)
"""Headers that the adapter writes itself, because they say what a request is."""

AUTHORIZATION: Final = "authorization"


# The CRD carries the pattern; here the same is checked by a function, which can say what is wrong.
def _header(name: str) -> str:
    if not re.fullmatch(_HEADER, name):
        msg = f"{name!r} is no name of a header: letters, digits, `.`, `_` and `-` make one"
        raise ValueError(msg)
    if name.lower() in _OURS or name.lower().startswith("ce-"):
        msg = f"`{name}` is written by the adapter itself and cannot be given"
        raise ValueError(msg)
    return name


class AuthHeader(Model):
    """A header whose value is a secret."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=128),
        AfterValidator(_header),
        Field(json_schema_extra={"pattern": _HEADER}, examples=["X-Api-Key"]),
    ]
    """Name of the header, such as `X-Api-Key`."""
    value: SecretReference
    """Its whole value."""


class BasicAuth(Model):
    """User and password (HTTP basic authentication)."""

    username: SecretReference
    """Name of the user; without a colon."""
    password: SecretReference
    """Password of the user."""


class BearerAuth(Model):
    """A token (HTTP bearer authentication)."""

    token: SecretReference
    """The token alone, without the word `Bearer`."""


class ClientCertificate(Model):
    """A TLS client certificate; for an https sink."""

    cert: SecretReference
    """The certificate, with its chain if it has one, as PEM."""
    key: SecretReference
    """Its private key as PEM, not encrypted."""


class SinkAuth(Model):
    """What requests to the sink show, all from secrets; a changed secret needs no restart."""

    headers: Annotated[list[AuthHeader], Field(max_length=16)] = Field(default_factory=list)
    """Headers of every request."""
    basic: BasicAuth | None = None
    """User and password. Not together with `bearer`."""
    bearer: BearerAuth | None = None
    """A token. Not together with `basic`."""
    client_certificate: ClientCertificate | None = None
    """A TLS client certificate."""

    @model_validator(mode="after")
    def _exactly_one(self) -> SinkAuth:
        names = [header.name.lower() for header in self.headers]
        for name in names:
            if names.count(name) > 1:
                msg = f"`headers` has `{name}` {names.count(name)} times; name each header once"
                raise ValueError(msg)
        given = self.authorizations()
        if len(given) > 1:
            msg = f"{' and '.join(given)} both write the header Authorization; keep one of them"
            raise ValueError(msg)
        if not names and not given and self.client_certificate is None:
            msg = "must have `headers`, `basic`, `bearer` or `clientCertificate`; or leave it out"
            raise ValueError(msg)
        return self

    def authorizations(self) -> list[str]:
        """Return the fields that write the header Authorization; one at most when valid."""
        given = [f"`{name}`" for name in ("basic", "bearer") if getattr(self, name) is not None]
        if any(header.name.lower() == AUTHORIZATION for header in self.headers):
            given.append("`headers`")
        return given
