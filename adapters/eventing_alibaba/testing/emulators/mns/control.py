"""The remote control's table: each route is one method of `MnsEmulator`.

Arguments are the method's, in camelCase. What a method returns comes back as it is where it is an
object, else under one name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from eventing_alibaba.testing.admin import Handler
from eventing_alibaba.testing.emulators.mns.emulator import MnsEmulator

_HUMP: Final = re.compile(r"(?<=[a-z])[A-Z]")


def routes(emulator: MnsEmulator) -> Mapping[str, Handler]:
    """Return the remote control's table."""
    return {
        "GET /state": _on(emulator.state),
        "GET /operations": _on(emulator.operations),
        "GET /requests": _on(emulator.requests, "requests"),
        "POST /reset": _on(emulator.reset),
        "POST /queues": _on(emulator.create_queue),
        "DELETE /queues": _on(emulator.delete_queue),
        "POST /queues/recreate": _on(emulator.recreate_queue),
        "GET /counts": _on(emulator.counts),
        "POST /messages": _on(emulator.send, "ids"),
        "GET /messages": _on(emulator.messages, "messages"),
        "POST /topics": _on(emulator.create_topic),
        "POST /subscriptions": _on(emulator.subscribe),
        "POST /publish": _on(emulator.publish, "id"),
        "POST /keys": _on(emulator.add_key),
        "DELETE /keys": _on(emulator.remove_key),
        "POST /keys/expire": _on(emulator.expire_key),
        "POST /faults": _on(emulator.fail),
        "POST /heal": _on(emulator.heal),
        "POST /skew": _on(emulator.skew),
        "POST /age": _on(emulator.age),
        "POST /polls": _on(emulator.limit_polls),
        "POST /refuse": _on(emulator.refuse),
        "POST /accept": _on(emulator.accept),
        "POST /disconnect": _on(emulator.disconnect, "count"),
    }


def _on(method: Callable[..., Any], name: str | None = None) -> Handler:
    signature = inspect.signature(method)

    async def handle(arguments: dict[str, Any]) -> Any:
        given = {_HUMP.sub(lambda m: f"_{m[0].lower()}", key): v for key, v in arguments.items()}
        try:
            signature.bind(**given)
        except TypeError as error:
            wants = ", ".join(str(p) for p in signature.parameters.values())
            raise ValueError(f"{error}; wants {wants}") from None
        result = method(**given)
        if inspect.isawaitable(result):
            result = await result
        return result if name is None else {name: result}

    return handle
