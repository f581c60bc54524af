"""`event.maxAge`: which messages are too old."""

from __future__ import annotations

import pytest

from eventing_alibaba.contract.message import Message
from eventing_alibaba.flow.policies.age import too_old


@pytest.mark.parametrize(
    ("produced", "expected"),
    [(899.0, True), (899.999, True), (900.0, False), (1000.0, False), (1e9, False), (None, False)],
)
def test_a_message_is_too_old_after_its_time(produced: float | None, *, expected: bool) -> None:
    """Age counts from production; a message without a time, or from the future, is kept."""
    message = Message("1", b"", (), "orders", time=produced)
    assert too_old(message, 1000.0, 100.0) is expected
