"""Messages that go out: ReceiveMessage, at once or after a wait.

The wait is what the client asks for, at least 5 and at most 20 seconds, and never longer than its
deadline. The queue that it names does not matter, only the queue's broker: a receive is answered
from all queues of one broker.

A receive of no messages is looked at like any other, gets none, and waits for as long as it may
(seen with 5.4.0); one of fewer than none is an internal error.
"""

from __future__ import annotations

import asyncio

from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb
from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.progress import Wish
from eventing_alibaba.testing.emulators.rocketmq.core.sql import by_sql
from eventing_alibaba.testing.emulators.rocketmq.core.tag import Filter, by_tag
from eventing_alibaba.testing.emulators.rocketmq.service import bounds, times
from eventing_alibaba.testing.emulators.rocketmq.service.call import Call
from eventing_alibaba.testing.emulators.rocketmq.service.polls import Place, Served
from eventing_alibaba.testing.emulators.rocketmq.service.settling import check_invisible

_OLD_CLIENTS: str = "5.0.3"
"""Clients before this version do not know ILLEGAL_POLLING_TIME."""


async def receive_message(call: Call, request: pb.ReceiveMessageRequest) -> tuple[Place, Served]:
    """Return messages. Raises ServiceError (MESSAGE_NOT_FOUND) where there are none in time."""
    session = call.proxy.sessions.get(call.who.client, call.now)
    if session is None:
        raise ServiceError(
            "INTERNAL_SERVER_ERROR", "java.lang.NullPointerException: no settings of this client"
        )
    poll = _poll(call, request)
    topic = call.proxy.topic(request.message_queue.topic)
    group = call.proxy.cluster.group(call.proxy.group(request.group))
    invisible = times.milliseconds(request.invisible_duration)
    if request.auto_renew:
        invisible = bounds.RENEWED
    else:
        check_invisible(invisible, least=bounds.SHORTEST_RECEIVE)
    if request.batch_size < 0:
        raise ServiceError("INTERNAL_SERVER_ERROR", "an error occurred: POP_ERROR")
    wish = Wish(
        limit=min(request.batch_size, bounds.MOST_RECEIVED),
        invisible=invisible,
        wants=_filter(request.filter_expression),
        most_attempts=group.most_attempts,
        attempt_id=request.attempt_id or None,
        owner=call.proxy.owner(call.who.client) if request.auto_renew else None,
    )
    if call.spoil is not None and call.spoil.invisible is not None:
        wish.invisible = round(call.spoil.invisible * 1000)
    found = call.proxy.cluster.topic(topic)
    broker = request.message_queue.broker.name
    place = (group.name, topic, broker if broker in found.logs else call.proxy.broker)
    served = await _serve(call, place, wish, poll)
    if served is None:
        raise ServiceError("MESSAGE_NOT_FOUND", "no new message")
    if not served.messages:
        raise ServiceError("MESSAGE_NOT_FOUND", "no match message")
    call.moved = len(served.messages)
    return place, served


async def _serve(call: Call, place: Place, wish: Wish, poll: int) -> Served | None:
    if not wish.limit:  # not in line, where it would hold up those that can be served
        if call.spoil is None or not call.spoil.early:
            await asyncio.sleep(poll / 1000)
        return None
    group, topic, broker = place
    call.proxy.cluster.ripen(call.now)
    messages, dead = call.proxy.cluster.receive(
        call.now, group=group, topic=topic, broker=broker, wish=wish
    )
    if messages or dead:
        return Served(messages, dead)
    if call.spoil is not None and call.spoil.early:
        return None
    return await call.proxy.polls.wait(place, wish, poll / 1000)


def _poll(call: Call, request: pb.ReceiveMessageRequest) -> int:
    """Return how many ms to wait. Raises ServiceError where the deadline leaves too few."""
    if call.remaining is None:
        raise ServiceError("INTERNAL_SERVER_ERROR", "java.lang.NullPointerException: no deadline")
    remaining = round(call.remaining * 1000)
    wanted = remaining - 1500
    if request.HasField("long_polling_timeout"):
        wanted = times.milliseconds(request.long_polling_timeout)
    poll = min(max(wanted, bounds.SHORTEST_POLL), bounds.LONGEST_POLL)
    if poll <= remaining:
        return poll
    if remaining >= bounds.SHORTEST_POLL:
        return remaining
    old = call.who.version < _OLD_CLIENTS
    raise ServiceError(
        "BAD_REQUEST" if old else "ILLEGAL_POLLING_TIME",
        "The deadline time remaining is not enough for polling, please check network condition",
    )


def _filter(expression: pb.FilterExpression) -> Filter | None:
    if expression.type == pb.FilterType.SQL:
        if not expression.expression:
            raise ServiceError("ILLEGAL_FILTER_EXPRESSION", "Expression can't be null! SQL92")
        return by_sql(expression.expression)
    return by_tag(expression.expression)
