"""`LIKE`: what its wildcards mean, and what hostile values cost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.filters.support import PATTERNS

from eventing_alibaba.flow.filters.like import matcher


@settings(deadline=None, max_examples=300)
@given(PATTERNS, st.text(st.sampled_from("ab%_\\.\n"), max_size=10))
def test_a_pattern_matches_what_its_wildcards_say(pattern: str, text: str) -> None:
    """It agrees with the definition, letter by letter, wherever the wildcards stand."""
    tokens = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    assert (matcher(pattern)(text) is not None) is _matches(tokens, text)


def _matches(pattern: list[str], text: str) -> bool:
    """The definition itself, without any thought of its cost."""
    if not pattern:
        return not text
    first, *rest = pattern
    if first == "%":
        return any(_matches(rest, text[skipped:]) for skipped in range(len(text) + 1))
    return bool(text) and (first == "_" or first[-1] == text[0]) and _matches(rest, text[1:])


@pytest.mark.parametrize("pattern", ["a_b", "a%b", "%_%", "a\nb", "%\n%"])
def test_a_line_break_is_a_character(pattern: str) -> None:
    """Wildcards stand for it as for any other."""
    assert matcher(pattern)("a\nb")


@pytest.mark.parametrize("pattern", ["%a" * 50 + "%b", "%a_" * 50 + "%b%", "%" * 2000 + "b"])
def test_a_value_made_to_be_slow_is_not(pattern: str) -> None:
    """Many wildcards on a long value take no time: with backtracking this test would not end."""
    assert matcher(pattern)("a" * 20_000) is None
