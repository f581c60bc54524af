"""How many messages a queue has that nobody has acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventing_alibaba.sources.mns import errors
from eventing_alibaba.sources.mns.connecting import client_of, names_of
from eventing_alibaba.wire.errors import WireError

if TYPE_CHECKING:
    from eventing_alibaba.contract.spec import Context
    from eventing_alibaba.sources.mns.spec import MnsSourceSpec


async def backlog(spec: MnsSourceSpec, context: Context) -> int | None:
    """Ask for the queue's attributes: waiting, delayed, and in somebody's hands.

    The service has announced that it will leave these numbers out one day; None then. Raises
    SourceError.
    """
    client = client_of(spec, context)
    try:
        return (await client.attributes(spec.queue)).backlog
    except (errors.Refused, WireError) as error:
        raise errors.signal(error, names_of(spec)) from error
    finally:
        await client.close()
