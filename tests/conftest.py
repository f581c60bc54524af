"""What holds for every test."""

from __future__ import annotations

import asyncio
import inspect

import pytest

pytest_plugins = ["eventing_alibaba.testing.fixtures"]

# pytest-asyncio asks for the current loop before it sets its own. Where none was ever set, Python
# before 3.14 makes one for the question, which nobody closes; saying "none" once prevents that.
asyncio.set_event_loop(None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test without the sentence that says what it proves."""
    silent = [
        item.nodeid
        for item in items
        if isinstance(item, pytest.Function)
        and not inspect.getdoc(item.function)
        and item.name != "runTest"  # hypothesis makes it of a state machine, which has its own
    ]
    if silent:
        raise pytest.UsageError(
            "each test says in a docstring what it proves: " + ", ".join(silent)
        )
