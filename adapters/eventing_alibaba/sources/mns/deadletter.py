"""Dead letters into a queue of the same account, each a CloudEvent in JSON.

The whole event is the body of the message, with the attributes that say why it is dead. So whoever
looks into the queue sees all there is to know; and brought back into the queue of the source, such
a message passes as the event that it was, under the same id, which a service may know by then.

The body is written as `bodyEncoding` says that bodies of the source are read. In JSON a character
that XML cannot hold may stand as an escape, as it is part of a string. A message group is not
written: the queue of the dead need not be FIFO, and the event has the group in `mnsgroup`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.jsonformat import json_event
from eventing_alibaba.sources.burials import Burials
from eventing_alibaba.sources.mns import errors, writing
from eventing_alibaba.sources.mns.client import MnsClient
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.event import Event
    from eventing_alibaba.contract.source import NotTaken
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec

T = TypeVar("T")

_XML_LACKS: Final = re.compile("[\ufffe\uffff]")


class MnsDeadLetters:
    """A `contract.source.DeadLetterTarget`; made and used on the event loop."""

    def __init__(self, spec: MnsSourceSpec, context: Context, queue: str) -> None:
        self._queue = queue
        self._encoding = spec.body_encoding
        self._names = names_of(spec, queue, field="spec.delivery.deadLetterSink.mns.queue")
        self._make: Callable[[], MnsClient] = lambda: client_of(spec, context)
        self._client: MnsClient | None = None
        self._burials = Burials()

    def send(self, event: Event, done: Callable[[T, NotTaken | None], None], token: T) -> bool:
        """See `DeadLetterTarget.send`. Raises ValueError for an event that JSON cannot hold."""
        if self._burials.full:
            return False
        message = writing.Outgoing(body_of(event, self._encoding))
        self._burials.begin(self._sent(message), done, token)
        return True

    async def close(self) -> None:
        """See `DeadLetterTarget.close`."""
        await self._burials.close()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _sent(self, message: writing.Outgoing) -> str | None:
        """Send a message; return None, or why it is not in the queue."""
        try:
            if self._client is None:
                self._client = self._make()
            (sent,) = await self._client.send(self._queue, [message])
        except errors.Refused as error:
            return self._told(error)
        except WireError as error:
            return str(errors.signal(error, self._names))
        except SourceError as error:
            return str(error)
        return (
            None if sent.id is not None else self._told(errors.Refused(400, sent.code, sent.text))
        )

    def _told(self, error: errors.Refused) -> str:
        if error.code in errors.NOT_TAKEN:
            return errors.not_taken(self._queue, error)
        return str(errors.signal(error, self._names))

    def __repr__(self) -> str:
        return f"<MnsDeadLetters {self._queue} at {self._names.endpoint} busy={len(self._burials)}>"


def body_of(event: Event, encoding: str) -> str:
    """Return the body of the message that is this event. Raises ValueError: see `send`."""
    document = json_event(event)
    if encoding == "base64":
        return base64.b64encode(document).decode()
    return _XML_LACKS.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
