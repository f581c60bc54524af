"""The remote control's table: each route is one method of `MnsEmulator`."""

from __future__ import annotations

from collections.abc import Mapping

from eventing_alibaba.testing.admin import Handler
from eventing_alibaba.testing.emulators.mns.emulator import MnsEmulator
from eventing_alibaba.testing.emulators.remote import route


def routes(emulator: MnsEmulator) -> Mapping[str, Handler]:
    """Return the remote control's table."""
    return {
        "GET /state": route(emulator.state),
        "GET /operations": route(emulator.operations),
        "GET /requests": route(emulator.requests, "requests"),
        "POST /reset": route(emulator.reset),
        "POST /queues": route(emulator.create_queue),
        "DELETE /queues": route(emulator.delete_queue),
        "POST /queues/recreate": route(emulator.recreate_queue),
        "GET /counts": route(emulator.counts),
        "POST /messages": route(emulator.send, "ids"),
        "GET /messages": route(emulator.messages, "messages"),
        "POST /topics": route(emulator.create_topic),
        "POST /subscriptions": route(emulator.subscribe),
        "POST /publish": route(emulator.publish, "id"),
        "POST /keys": route(emulator.add_key),
        "DELETE /keys": route(emulator.remove_key),
        "POST /keys/expire": route(emulator.expire_key),
        "POST /faults": route(emulator.fail),
        "POST /heal": route(emulator.heal),
        "POST /skew": route(emulator.skew),
        "POST /age": route(emulator.age),
        "POST /polls": route(emulator.limit_polls),
        "POST /refuse": route(emulator.refuse),
        "POST /accept": route(emulator.accept),
        "POST /disconnect": route(emulator.disconnect, "count"),
    }
