"""The sink's address: from the environment if it gives one, else from the manifest.

`K_SINK` goes before `spec.sink`. The operator sets it to what it resolved `spec.sink.ref` to, and
whoever binds a process to a sink with a SinkBinding means that sink, whatever the manifest in the
image says. An address is taken whole: with `K_SINK` the certificates and the audience are
`K_CA_CERTS` and `K_AUDIENCE`, never the manifest's, because a token made for one service must not
be sent to another. Without `K_SINK` they fill in what `spec.sink` leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import DeadLetterSink, Destination
from eventing_alibaba.runtime import names
from eventing_alibaba.wire.target import Target

_PEM: Final = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """Where events go, and how that place is recognised.

    Attributes:
        uri: an absolute http or https URL without user or password.
        ca_certs: PEM certificates to trust besides the system's; None = no others.
        audience: the sink wants an OIDC token for it; None = it wants none.
        token_file: holds that token; read it anew for each use, it is renewed in place. None where
            there is no audience.
    """

    uri: str
    ca_certs: str | None = None
    audience: str | None = None
    token_file: Path | None = None

    def __repr__(self) -> str:
        return f"<SinkAddress {Target.parse(self.uri)!r} audience={self.audience}>"


def address(sink: Destination | None, environ: Mapping[str, str]) -> tuple[SinkAddress, str | None]:
    """Return the sink's address, and a sentence to log where the environment overrode the manifest.

    Raises Misconfigured naming the variable or the field, and what to write.
    """
    uri = environ.get(names.SINK)
    certs = environ.get(names.CA_CERTS) or None
    audience = environ.get(names.AUDIENCE) or None
    note = None
    if uri:
        origin, certs_origin = names.SINK, names.CA_CERTS
        if sink is not None and sink.uri is not None and sink.ref is None and sink.uri != uri:
            note = f"{names.SINK} is set: it is used instead of spec.sink"
    else:
        uri = _of_manifest(sink)
        assert sink is not None
        origin, certs_origin = "spec.sink.uri", "spec.sink.CACerts"
        if sink.ca_certs is None:
            certs_origin = names.CA_CERTS
        certs = sink.ca_certs or certs
        audience = sink.audience or audience
    try:
        Target.parse(uri)
    except ValueError as error:
        raise Misconfigured(f"{origin}: {error}") from None
    if certs is not None and _PEM not in certs:
        raise Misconfigured(f"{certs_origin}: must be PEM certificates ({_PEM} ...)")
    token_file = Path(environ.get(names.TOKEN_FILE) or names.DEFAULT_TOKEN_FILE)
    return SinkAddress(uri, certs, audience, token_file if audience else None), note


def dead_letter_address(
    sink: DeadLetterSink | None, environ: Mapping[str, str]
) -> SinkAddress | None:
    """Return the address of the dead-letter sink; None where there is none, or no HTTP one.

    Raises Misconfigured naming the field, and what to write.
    """
    if sink is None or (sink.uri is None and sink.ref is None):
        return None
    field = "spec.delivery.deadLetterSink"
    if sink.ref is not None:
        raise Misconfigured(
            f"{field}.ref: {sink.ref.kind} {sink.ref.name} can be looked up in a cluster only;"
            f" write {field}.uri"
        )
    assert sink.uri is not None
    try:
        Target.parse(sink.uri)
    except ValueError as error:
        raise Misconfigured(f"{field}.uri: {error}") from None
    if sink.ca_certs is not None and _PEM not in sink.ca_certs:
        raise Misconfigured(f"{field}.CACerts: must be PEM certificates ({_PEM} ...)")
    token_file = Path(
        environ.get(names.DEAD_LETTER_TOKEN_FILE)
        or environ.get(names.TOKEN_FILE)
        or names.DEFAULT_TOKEN_FILE
    )
    return SinkAddress(
        sink.uri, sink.ca_certs, sink.audience, token_file if sink.audience else None
    )


def _of_manifest(sink: Destination | None) -> str:
    if sink is None:
        raise Misconfigured(
            f"spec.sink: is required; write `sink: {{uri: http://...}}` or set {names.SINK}"
        )
    if sink.ref is not None:
        ref = sink.ref
        raise Misconfigured(
            f"spec.sink.ref: {ref.kind} {ref.name} can be looked up in a cluster only; write "
            f"spec.sink.uri, or set {names.SINK} (a SinkBinding does)"
        )
    assert sink.uri is not None
    return sink.uri
