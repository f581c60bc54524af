"""What a process shows to its sink: the OIDC token of an audience, and what `sinkAuth` names."""

from __future__ import annotations

import logging

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.sinkauth import SinkAuth
from eventing_alibaba.contract.spec import Credentials
from eventing_alibaba.runtime.destination import SinkAddress
from eventing_alibaba.sink.auth import SecretHeaders
from eventing_alibaba.sink.certificate import SecretCertificate
from eventing_alibaba.sink.identity import Identity, Proof
from eventing_alibaba.sink.token import TokenFile
from eventing_alibaba.wire.target import Target

log = logging.getLogger(__name__)


def shown(
    auth: SinkAuth | None, address: SinkAddress, credentials: Credentials
) -> tuple[Identity | None, str | None]:
    """Return what requests show, and the file of the client certificate; None for what is not used.

    Nothing is read yet. Raises Misconfigured where two things cannot be shown together.
    """
    target = Target.parse(address.uri)
    proofs: list[Proof] = []
    certificate = None
    if address.audience is not None and address.token_file is not None:
        if auth is not None and (by := auth.authorizations()):
            raise Misconfigured(
                f"spec.sinkAuth: {by[0]} and the sink's audience (spec.sink.audience, K_AUDIENCE)"
                " both write the header Authorization; keep one of them"
            )
        proofs.append(TokenFile(address.token_file, address.audience))
    if auth is not None:
        if auth.headers or auth.authorizations():
            proofs.append(SecretHeaders(auth, credentials))
        if auth.client_certificate is not None:
            if target.scheme != "https":
                raise Misconfigured(
                    f"spec.sinkAuth.clientCertificate: is shown to an https sink only, and"
                    f" {target.origin} is none"
                )
            pair = SecretCertificate(auth.client_certificate, credentials)
            certificate = pair.path
            proofs.append(pair)
    if not proofs:
        return None, None
    if target.scheme == "http":
        log.warning(
            "%s is http: what is shown to it, a token or a password, travels unencrypted",
            target.origin,
        )
    return Identity(proofs), certificate
