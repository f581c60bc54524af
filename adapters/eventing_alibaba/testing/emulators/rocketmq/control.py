"""The remote control's table: each route is one method of `RocketmqEmulator`."""

from __future__ import annotations

from collections.abc import Mapping

from eventing_alibaba.testing.admin import Handler
from eventing_alibaba.testing.emulators.remote import route
from eventing_alibaba.testing.emulators.rocketmq.emulator import RocketmqEmulator


def routes(emulator: RocketmqEmulator) -> Mapping[str, Handler]:
    """Return the remote control's table."""
    return {
        "GET /state": route(emulator.state),
        "GET /operations": route(emulator.operations),
        "GET /requests": route(emulator.requests, "requests"),
        "POST /reset": route(emulator.reset),
        "POST /topics": route(emulator.create_topic),
        "DELETE /topics": route(emulator.delete_topic),
        "POST /groups": route(emulator.create_group),
        "DELETE /groups": route(emulator.delete_group),
        "GET /counts": route(emulator.counts),
        "POST /messages": route(emulator.send, "ids"),
        "GET /messages": route(emulator.messages, "messages"),
        "POST /keys": route(emulator.add_key),
        "DELETE /keys": route(emulator.remove_key),
        "POST /keys/expire": route(emulator.expire_key),
        "POST /faults": route(emulator.fail),
        "POST /heal": route(emulator.heal),
        "POST /age": route(emulator.age),
        "POST /polls": route(emulator.limit_polls),
        "POST /refuse": route(emulator.refuse),
        "POST /accept": route(emulator.accept),
        "POST /restart": route(emulator.restart),
        "POST /telemetry/cut": route(emulator.cut_telemetry, "count"),
        "POST /clients/forget": route(emulator.forget_clients),
        "POST /clients/reconnect": route(emulator.reconnect, "count"),
    }
