"""One request to MNS: signed, sent, and its answer sorted into success and refusal.

Two refusals are cured here, once each, because the request did nothing: a `Date` that is too far
off is repeated with the service's own time, which the refusal has told; a refused key is repeated
with another one, where there is one. Everything else is for whoever asked: a request that got no
answer may have done its work, and only the caller knows whether it may be repeated.

Polls have connections of their own, so that they can be ended without cutting an acknowledgement,
and so that an acknowledgement never waits for a poll.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.sources.mns import signature
from eventing_alibaba.sources.mns.errors import CLOCK, CUT, KEYS, PARTIAL, Refused
from eventing_alibaba.sources.mns.keys import AccessKey, KeySource
from eventing_alibaba.sources.mns.reading import NotXml, fields, local, root, text
from eventing_alibaba.sources.mns.serverclock import ServerClock
from eventing_alibaba.wire.pool import Pool
from eventing_alibaba.wire.proxy import proxy_for
from eventing_alibaba.wire.request import head
from eventing_alibaba.wire.target import Target

if TYPE_CHECKING:
    from eventing_alibaba.wire.answer import Answer

VERSION: Final = "2015-06-06"
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer: 16 bodies of 64 KiB, even if each character were written as a reference."""

_CALLS: Final = 32
_CONTENT: Final = "text/xml;charset=UTF-8"
CALL_SECONDS: Final = 10.0
"""Seconds that a request may take, besides what it is to wait."""


@dataclass(slots=True)
class Reply:
    """A success.

    Attributes:
        status: of HTTP.
        document: the body.
        request: the service's id of the request.
        sent, received: when, on the clock of leases.
    """

    status: int
    document: bytes
    request: str
    sent: float
    received: float


class Exchange:
    """Requests to one endpoint. `region` = signatures of version 4."""

    def __init__(
        self,
        endpoint: str,
        keys: KeySource,
        *,
        region: str | None = None,
        polls: int = 1,
        clock: ServerClock | None = None,
    ) -> None:
        target = Target.parse(endpoint)
        try:
            proxy = proxy_for(target, os.environ)
        except ValueError as error:
            raise Misconfigured(str(error)) from None
        self.clock = clock or ServerClock()
        self._keys = keys
        self._region = region
        self._target = target
        self._calls, self._polls = (
            Pool(target, limit=limit, proxy=proxy, keep_body=LARGEST, collect_headers=True)
            for limit in (_CALLS, polls)
        )

    @property
    def address(self) -> str:
        """Host and port, for sentences."""
        return self._target.address

    async def key(self) -> AccessKey:
        """Return the key that requests are signed with now. Raises Unauthorized."""
        return await self._keys.get()

    async def ask(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]] = (),
        *,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        poll: float | None = None,
    ) -> Reply:
        """Send a request; return what a 2xx brings.

        `path` and `query` are not escaped; `poll` = seconds that the service may wait.

        Raises:
            Refused: the service answered otherwise.
            WireError: there was no answer.
            Unauthorized: there is no key to sign with.
        """
        pool, timeout = self._calls, CALL_SECONDS
        if poll is not None:
            pool, timeout = self._polls, CALL_SECONDS + poll
        pairs = list(query)
        own = dict(headers)
        key = await self._keys.get()
        clocked = keyed = False
        while True:
            request = self._request(key, method, path, query=pairs, body=body, more=own)
            sent = self.clock.now()
            answer = await pool.request(request, timeout=timeout)
            received = self.clock.now()
            self.clock.learn(answer.header(b"date"), sent=sent, received=received)
            if 200 <= answer.status < 300 and answer.complete:
                number = answer.header(b"x-mns-request-id") or b""
                return Reply(answer.status, answer.body, number.decode("latin-1"), sent, received)
            refused = refusal(answer)
            if refused.code in CLOCK and not clocked:
                clocked = True
            elif refused.code in KEYS and not keyed:
                keyed = True
                other = await self._keys.renew(key)
                if other is None:
                    raise refused
                key = other
            else:
                raise refused

    def cut_polls(self) -> None:
        """End all polls now."""
        self._polls.cut()

    async def close(self) -> None:
        """Cut what is under way and close all connections. Idempotent."""
        await self._polls.close()
        await self._calls.close()

    def _request(
        self,
        key: AccessKey,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]],
        body: bytes,
        more: dict[str, str],
    ) -> bytes:
        moment = self.clock.time()
        date = self.clock.date(moment)
        headers = {"x-mns-version": VERSION, **more}
        if body:
            headers["Content-Type"] = _CONTENT
        resource = path
        if query:
            resource += "?" + "&".join(
                f"{signature.escape(name)}={signature.escape(value)}" for name, value in query
            )
        if self._region is None:
            authorization = signature.v1(
                key.key_id, key.secret, method=method, resource=resource, headers=headers, date=date
            )
        else:
            authorization = signature.v4(
                key.key_id,
                key.secret,
                method=method,
                path=path,
                query=query,
                headers=headers,
                moment=int(moment),
                region=self._region,
            )
        headers["Date"] = date
        headers["Authorization"] = authorization
        if key.token is not None:
            headers["security-token"] = key.token
        length = len(body) if body or method in {"POST", "PUT"} else None
        return head(method, self._target, headers.items(), length, path=resource) + body


def refusal(answer: Answer) -> Refused:
    """Return what the service says in an answer that is no success."""
    if not answer.complete:
        return Refused(answer.status, CUT)
    number = (answer.header(b"x-mns-request-id") or b"").decode("latin-1")
    try:
        top = root(answer.body)
    except NotXml:
        return Refused(answer.status, "", request=number)
    if local(top.tag) in {"Errors", "Messages"}:
        return Refused(answer.status, PARTIAL, "", number, answer.body)
    if local(top.tag) != "Error":
        return Refused(answer.status, "", request=number)
    found = fields(top)
    code = (text(found, "Code") or "").strip()
    return Refused(answer.status, code, (text(found, "Message") or "").strip(), number)
