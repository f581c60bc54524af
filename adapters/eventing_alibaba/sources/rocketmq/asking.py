"""A poll by hand, for commands: one question, one answer, nothing kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eventing_alibaba.sources.rocketmq.errors import Refused
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.link import Link

SHORTEST: Final = 5.0
"""Seconds of the shortest poll that proxies take."""
_SLACK: Final = 5.0


async def ask(link: Link, request: pb.ReceiveMessageRequest) -> list[pb.Message]:
    """Poll for as long as the request says; return what came. Raises Refused or Unreached."""
    wait = request.long_polling_timeout.seconds
    found: list[pb.Message] = []
    status = None
    answer = await link.receive(request, wait + _SLACK)
    for data in answer.messages:
        told = pb.ReceiveMessageResponse.FromString(data)
        if told.HasField("message"):
            found.append(told.message)
        elif told.HasField("status"):
            status = told.status
    if answer.error is not None and not found:
        raise link.broken(answer.error)
    if status is not None and status.code not in (pb.OK, pb.MESSAGE_NOT_FOUND):
        refusal: Refused = link.refusal(status)
        raise refusal
    return found
