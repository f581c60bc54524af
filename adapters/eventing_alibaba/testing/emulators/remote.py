"""The remote control of an emulator: a route for each of its methods.

Arguments are the method's, in camelCase. What a method returns comes back as it is where it is an
object, else under one name.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

from eventing_alibaba.testing.admin import Handler

_HUMP: Final = re.compile(r"(?<=[a-z])[A-Z]")


def route(method: Callable[..., Any], name: str | None = None) -> Handler:
    """Return what works a method from outside; `name` is what its result is called there.

    Raises ValueError, when called, for arguments that the method does not have.
    """
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
