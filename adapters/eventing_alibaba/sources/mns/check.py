"""What `eventing-alibaba check` asks of MNS: the key, the queue, and the rights to use it.

Nothing is received, since that would count as an attempt: a message is looked at (PeekMessage), and
a receipt handle that belongs to nothing is to be deleted and to be made visible. The service looks
at rights before it looks at handles, so "no such handle" means that the right is there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.check import Step
from eventing_alibaba.sources.mns import errors
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.client import MnsClient, QueueAttributes
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

T = TypeVar("T")

_NOTHING: Final = "1-nothing"
"""A receipt handle of no message."""


async def check(spec: MnsSourceSpec, context: Context) -> AsyncGenerator[Step, None]:
    """Yield what to ask; see `contract.check`."""
    inquiry = Inquiry(spec, context)
    try:
        yield Step("access key", inquiry.key)
        if inquiry.client is None:
            return
        yield Step(f"queue {spec.queue} at {inquiry.names.endpoint}", inquiry.queue)
        if inquiry.attributes is None:
            return
        yield Step("right to receive", inquiry.receiving)
        yield Step("right to delete", inquiry.deleting)
        yield Step("right to change visibility", inquiry.extending)
    finally:
        await inquiry.close()


class Inquiry:
    """The questions, and what their answers have in common. Each raises SourceError.

    Attributes:
        client: there is a key to sign with.
        attributes: of the queue, once it was found.
        names: what sentences name.
    """

    def __init__(self, spec: MnsSourceSpec, context: Context) -> None:
        self.client: MnsClient | None = None
        self.attributes: QueueAttributes | None = None
        self.names = names_of(spec)
        self._spec = spec
        self._context = context

    async def close(self) -> None:
        """Let go of the connections."""
        if self.client is not None:
            await self.client.close()

    async def key(self) -> str:
        """Read the access key, or have it found."""
        client = client_of(self._spec, self._context)
        try:
            await client.exchange.key()
        except BaseException:
            await client.close()
            raise
        self.client = client
        auth = self._spec.auth
        if auth.access_key_id is None:
            return "found"
        return "temporary, with a security token" if auth.security_token is not None else "given"

    async def queue(self) -> str:
        """Ask for the queue's attributes."""
        client = self._made()
        found = await self._asked(client.attributes(self._spec.queue))
        self.attributes = found
        said = [] if found.visibility is None else [f"visibility {found.visibility} s"]
        if found.backlog is not None:
            said.append(f"{found.backlog:,} message{'' if found.backlog == 1 else 's'} to deliver")
        skew = client.exchange.clock.skew
        if abs(skew) > 60:
            which = "behind" if skew > 0 else "ahead of"
            said.append(
                f"this machine's clock is {abs(skew):.0f} s {which} the service's (no harm)"
            )
        return ", ".join(said)

    async def receiving(self) -> str:
        """Look at a message."""
        reply = await self._asked(self._made().peek(self._spec.queue))
        return "nothing to look at" if reply is None else ""

    async def deleting(self) -> str:
        """Delete nothing."""
        await self._asked(self._made().delete(self._spec.queue, [_NOTHING]))
        return ""

    async def extending(self) -> str:
        """Prolong nothing."""
        try:
            await self._made().change_visibility(self._spec.queue, _NOTHING, 1)
        except errors.Refused as error:
            if error.code not in errors.VOID and error.code != "InvalidArgument":
                raise errors.signal(error, self.names) from error
        except WireError as error:
            raise errors.signal(error, self.names) from error
        return ""

    async def _asked(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except (errors.Refused, WireError) as error:
            raise errors.signal(error, self.names) from error

    def _made(self) -> MnsClient:
        assert self.client is not None, "the key comes first"
        return self.client
