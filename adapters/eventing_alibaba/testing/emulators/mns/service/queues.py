"""Operations on queues, and on the account."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from eventing_alibaba.testing.emulators.mns.core.errors import out_of_range
from eventing_alibaba.testing.emulators.mns.core.queue import Queue
from eventing_alibaba.testing.emulators.mns.core.settings import QueueSettings
from eventing_alibaba.testing.emulators.mns.service import render
from eventing_alibaba.testing.emulators.mns.service.call import Answer, Call, Operation
from eventing_alibaba.testing.emulators.mns.service.documents import (
    flag,
    number,
    parse,
    settings,
    texts,
)

_PAGE: Final = 1000
_FLAGS: Final = ("LoggingEnabled",)


def create(call: Call) -> Answer:
    """CreateQueue."""
    wanted = QueueSettings().changed(settings(call.request.body, "Queue", flags=_FLAGS))
    queue, new = call.account.create_queue(call.now, call.route.names[0], wanted)
    return Answer(201 if new else 204, location=f"{call.host}/queues/{queue.name}")


def change(call: Call) -> Answer:
    """SetQueueAttributes: what is not named stays as it is."""
    queue = call.queue()
    given = settings(call.request.body, "Queue", flags=_FLAGS)
    queue.change_settings(call.now, queue.settings.changed(given))
    return Answer(204)


def show(call: Call) -> Answer:
    """GetQueueAttributes."""
    queue = call.queue()
    call.account.settle(call.now, queue)
    return Answer(200, render.document("Queue", render.elements(_attributes(call, queue))))


def delete(call: Call) -> Answer:
    """DeleteQueue; the same answer where there is none."""
    gone = call.account.queues.get(call.route.names[0])
    call.account.delete_queue(call.route.names[0])
    if gone is not None:
        call.arrived.append(gone)
    return Answer(204)


def list_(call: Call) -> Answer:
    """ListQueue."""

    def entry(name: str) -> dict[str, object]:
        values: dict[str, object] = {"QueueURL": f"{call.host}/queues/{name}"}
        if with_meta(call):
            values |= _attributes(call, call.account.queues[name])
        return values

    return Answer(200, page(call, "Queue", call.account.queues, entry))


def show_account(call: Call) -> Answer:
    """GetAccountAttributes."""
    values = {"LoggingBucket": call.account.logging_bucket}
    return Answer(200, render.document("Account", render.elements(values)))


def change_account(call: Call) -> Answer:
    """SetAccountAttributes."""
    given = texts(parse(call.request.body, "Account"))
    call.account.logging_bucket = given.get("LoggingBucket", call.account.logging_bucket)
    return Answer(204)


def open_service(_: Call) -> Answer:
    """OpenService: it is open."""
    return Answer(200, render.document("OpenService", render.elements({"OrderId": "0"})))


OPERATIONS: Final[dict[str, Operation]] = {
    "CreateQueue": create,
    "SetQueueAttributes": change,
    "GetQueueAttributes": show,
    "DeleteQueue": delete,
    "ListQueue": list_,
    "GetAccountAttributes": show_account,
    "SetAccountAttributes": change_account,
    "OpenService": open_service,
}


def page(
    call: Call, kind: str, names: Collection[str], entry: Callable[[str], dict[str, object]]
) -> bytes:
    """Return one page of a list; where it goes on is the last name of this one."""
    headers = call.request.headers
    prefix, marker = headers.get("x-mns-prefix", ""), headers.get("x-mns-marker", "")
    size = number("x-mns-ret-number", headers.get("x-mns-ret-number", str(_PAGE)))
    if not 1 <= size <= _PAGE:
        raise out_of_range("x-mns-ret-number", 1, _PAGE, "")
    found: Sequence[str] = sorted(n for n in names if n.startswith(prefix) and n > marker)
    listed = b"".join(
        b"<%s>%s</%s>" % (kind.encode(), render.elements(entry(name)), kind.encode())
        for name in found[:size]
    )
    if len(found) > size:
        listed += render.elements({"NextMarker": found[size - 1]})
    return render.document(f"{kind}s", listed)


def with_meta(call: Call) -> bool:
    """Say whether the list shall tell more than names. Raises ServiceError."""
    return flag("x-mns-with-meta", call.request.headers.get("x-mns-with-meta", "false"))


def seconds(call: Call, milliseconds: int) -> int:
    """Return a time as it is shown of queues and topics."""
    return (milliseconds + call.shift) // 1000


def _attributes(call: Call, queue: Queue) -> dict[str, object]:
    counts = queue.counts(call.now)
    return {
        "QueueName": queue.name,
        "CreateTime": seconds(call, queue.created),
        "LastModifyTime": seconds(call, queue.modified),
        **queue.settings.shown(),
        "ActiveMessages": counts.active,
        "InactiveMessages": counts.inactive,
        "DelayMessages": counts.delayed,
    }
