"""What is asked of a sink: one OPTIONS request, over the very connection that events would take.

Name, port, proxy, TLS, certificates and credentials are the same as those of an event. The request
itself must be none: a POST would be taken for one, and a GET may do something in a service that
does not look at methods. OPTIONS is safe by definition (RFC 9110, section 9.2.1), has no body and
no `ce-` header, and routers and gateways answer it by themselves.

Few services expect it, so that most answers say nothing: 405 and 501 are fine, 400 and 500 are
told and do not count. What does count is what a POST would meet too: credentials that are refused
(401, 403), a path that is not there (404), a redirect (never followed), and what a gateway says of
a service that is away (429, 502, 503, 504).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Final

from eventing_alibaba.contract.check import Step
from eventing_alibaba.contract.errors import SourceError, Unauthorized, Unavailable
from eventing_alibaba.runtime import names
from eventing_alibaba.runtime.destination import SinkAddress
from eventing_alibaba.runtime.environment import Settings
from eventing_alibaba.runtime.run import make_sink
from eventing_alibaba.sink.outcome import SICK_STATUS
from eventing_alibaba.sink.post import USER_AGENT, Sink
from eventing_alibaba.wire.answer import Answer
from eventing_alibaba.wire.errors import Kind, WireError
from eventing_alibaba.wire.request import head
from eventing_alibaba.wire.target import Target

PATIENCE: Final = 15.0
"""Seconds for an answer: a service that was scaled to zero may have to start."""

REASONS: Final[Mapping[Kind, str]] = {
    "connect": "Unreachable",
    "dns": "HostNotFound",
    "proxy": "ProxyRefused",
    "tls": "TlsFailed",
    "connect_timeout": "NoAnswer",
    "write_timeout": "NoAnswer",
    "answer_timeout": "NoAnswer",
    "closed": "ConnectionClosed",
    "protocol": "ProtocolMismatch",
}
"""For what the wire reports, the word that brokers' troubles have too."""

LOGIN_MISSING: Final = (
    "the service answers 401: it wants to know who we are; give credentials in {credentials}"
)
LOGIN_REFUSED: Final = (
    "the service answers 401: it refuses the credentials that it was shown; check {credentials}"
)
FORBIDDEN: Final = "the service answers 403: who we are may not send events there"
NOT_FOUND: Final = "the service answers 404: it has nothing at the path of {field}"
REDIRECT: Final = (
    "the service answers {status}, a redirect, and redirects are never followed; write the final"
    " URL into {field}"
)
AWAY: Final = "the service answers {status}: it is away or too busy, and events would wait for it"
WANTS_TLS: Final = "the service at {address} wants TLS; write https:// in {field}"


async def sinks(chosen: Settings) -> AsyncGenerator[Step, None]:
    """Yield what to ask of the sink, and of the dead-letter sink if it has one of its own."""
    field = names.SINK if os.environ.get(names.SINK) else "spec.sink.uri"
    yield _step("sink", chosen, chosen.sink, field)
    if chosen.dead_letter is not None:
        field = "spec.delivery.deadLetterSink.uri"
        yield _step("dead-letter sink", chosen, chosen.dead_letter, field)


def judge(answer: Answer, *, address: str, field: str, credentials: str, shown: bool) -> str:
    """Return what to tell of an answer. Raises SourceError where it counts.

    Args:
        answer: to the OPTIONS request.
        address: `host:port` of the service.
        field: what names its URL.
        credentials: what names what it is shown.
        shown: whether it was shown anything.
    """
    status = answer.status
    if status == 401:
        sentence = LOGIN_REFUSED if shown else LOGIN_MISSING
        raise Unauthorized(sentence.format(credentials=credentials), reason="SinkUnauthorized")
    if status == 403:
        raise Unauthorized(FORBIDDEN, reason="SinkForbidden")
    if status == 404:
        raise Unavailable(NOT_FOUND.format(field=field), reason="SinkNotFound")
    if 300 <= status <= 399:
        raise Unavailable(REDIRECT.format(status=status, field=field), reason="SinkRedirects")
    if status in SICK_STATUS:
        raise Unavailable(AWAY.format(status=status), reason="SinkUnavailable")
    if status == 400 and b"HTTPS" in answer.body:
        raise Unavailable(WANTS_TLS.format(address=address, field=field), reason="TlsMismatch")
    return f"answers OPTIONS with {status}"


def _step(name: str, chosen: Settings, address: SinkAddress, field: str) -> Step:
    where = Target.parse(address.uri).origin
    return Step(f"{name} {where}", partial(_ask, chosen, address, field))


async def _ask(chosen: Settings, address: SinkAddress, field: str) -> str:
    other = address is not chosen.sink
    sink = make_sink(chosen, address, limit=1, dead_letters=other)
    try:
        return judge(
            await _answer(sink, chosen, field),
            address=sink.pool.target.address,
            field=field,
            credentials=_credentials(address, field, other=other),
            shown=bool(sink._identity and sink._identity.headers),
        )
    finally:
        await sink.close()


def _credentials(address: SinkAddress, field: str, *, other: bool) -> str:
    """Return the field, or the file, with which a service is told who we are."""
    if address.audience is not None and address.token_file is not None:
        return f"the token in {address.token_file} for its audience"
    if field == names.SINK:
        return f"spec.sinkAuth or {names.AUDIENCE}"
    audience = f"{field.rpartition('.')[0]}.audience"
    return audience if other else f"spec.sinkAuth or {audience}"


async def _answer(sink: Sink, chosen: Settings, field: str) -> Answer:
    shown: tuple[tuple[str, str], ...] = ()
    if sink._identity is not None:
        sink._identity.changed()
        if sink._identity.refusal is not None:
            raise Unauthorized(sink._identity.refusal, reason="SecretMissing")
        shown = sink._identity.headers
    lines = (("User-Agent", USER_AGENT), ("Kn-Namespace", chosen.namespace), *shown)
    request = head("OPTIONS", sink.pool.target, lines, None)
    try:
        return await sink.pool.request(request, timeout=PATIENCE)
    except WireError as error:
        raise _unanswered(error, field) from error


def _unanswered(error: WireError, field: str) -> SourceError:
    return Unavailable(f"{error}; check {field}", reason=REASONS.get(error.kind, "NoAnswer"))
