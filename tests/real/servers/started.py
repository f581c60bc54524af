"""How a test enters a server: skipped without its programs here, failed without them in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import pytest
from tests.real.servers.tools import MissingToolError

Server = TypeVar("Server")


@contextmanager
def started(server: AbstractContextManager[Server]) -> Iterator[Server]:
    """Enter a server; a missing program skips the test, or fails it where `CI` is `true`."""
    try:
        running = server.__enter__()
    except MissingToolError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    try:
        yield running
    finally:
        server.__exit__(None, None, None)
