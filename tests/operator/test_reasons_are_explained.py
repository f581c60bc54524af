"""Each reason has a heading, and advice where something is to be done."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventing_alibaba_operator import reasons
from eventing_alibaba_operator.reasons import Reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/conditions.md").read_text()


@pytest.mark.parametrize("reason", reasons.ALL, ids=lambda reason: reason.name)
def test_a_reason_has_a_heading(reason: Reason) -> None:
    """The link in a condition's message leads to a heading of docs/conditions.md."""
    assert re.search(rf"(?m)^### {reason.name}$", PAGE)


@pytest.mark.parametrize(
    "reason", [one for one in reasons.ALL if one.state == "False"], ids=lambda reason: reason.name
)
def test_what_is_wrong_says_what_to_do(reason: Reason) -> None:
    """A reason of False has advice, but for the one whose words are the adapter's."""
    assert reason.advice or reason is reasons.ADAPTER_SAYS


def test_no_heading_is_left_over() -> None:
    """Headings of the page are reasons that exist."""
    headings = set(re.findall(r"(?m)^### (\w+)$", PAGE))
    assert headings == {reason.name for reason in reasons.ALL}
