"""Filters in SQL92: what passes is what passed a real broker 5.4.0."""

from __future__ import annotations

import pytest

from eventing_alibaba.testing.emulators.rocketmq.core.errors import ServiceError
from eventing_alibaba.testing.emulators.rocketmq.core.message import Draft
from eventing_alibaba.testing.emulators.rocketmq.core.sql import by_sql
from eventing_alibaba.testing.emulators.rocketmq.core.tag import by_tag

ROWS = [
    Draft(id="0", body=b"", tag="a", properties={"n": "1"}),
    Draft(id="1", body=b"", tag="b", properties={"n": "5", "k": "x"}),
    Draft(id="2", body=b"", properties={"n": "ten"}),
    Draft(id="3", body=b"", tag="c", properties={"n": "7.5", "k": "y"}),
]


@pytest.mark.parametrize(
    ("expression", "passed"),
    [
        ("n > 4", "1"),
        ("n BETWEEN 1 AND 5", "01"),
        ("n NOT BETWEEN 2 AND 6", "0"),
        ("n = 5", "1"),
        ("n <> 5", "0"),
        ("n = '5'", "1"),
        ("n = 7.5", "3"),
        ("n >= 7.5", "3"),
        ("-n < -6", ""),
        ("k IS NULL", "02"),
        ("k is not null", "13"),
        ("k <> 'x'", "3"),
        ("k IN ('x', 'y')", "13"),
        ("k NOT IN ('x')", "3"),
        ("k CONTAINS 'x'", "1"),
        ("k NOT CONTAINS 'x'", "3"),
        ("k STARTSWITH 'x' OR k ENDSWITH 'y'", "13"),
        ("TAGS = 'a'", "0"),
        ("NOT n = 5", ""),
        ("NOT (n > 4)", "0"),
        ("n > 4 OR k IS NULL", "01"),
        ("k NOT IN ('x') OR n = 1", "03"),
        ("(n = 1) -- that one", "0"),
        ("TRUE", "0123"),
        ("FALSE", ""),
        ("k = TRUE", ""),
        ("k = 'it''s'", ""),
        ("k = 'x' AND n = 5", "1"),
    ],
)
def test_conditions(expression: str, passed: str) -> None:
    """Unknown is not passed; what cannot be read as a number passes nothing."""
    wants = by_sql(expression)
    assert "".join(row.id for row in ROWS if wants(row)) == passed


@pytest.mark.parametrize(
    "expression",
    ["a >", "a > 'x'", "a > TRUE", "a = NULL", "a", "5", "'x'", "a = 1 )", "(a = 1", "a = 'x",
     "a ! 1", "1 IN ('a')", "a IN ()", "a IN (1)", "a IS 1", "a BETWEEN 1", "AND", ""],
)  # fmt: skip
def test_illegal_expressions_are_refused(expression: str) -> None:
    """With the code that a proxy makes of the broker's refusal; a property alone is a condition."""
    if expression == "a":
        assert not by_sql(expression)(ROWS[0])
        return
    with pytest.raises(ServiceError) as caught:
        by_sql(expression)
    assert caught.value.code == 50001


@pytest.mark.parametrize(
    ("expression", "passed"), [("a", "0"), ("a || c", "03"), ("a||", "0"), ("x", "")]
)
def test_tags(expression: str, passed: str) -> None:
    """Any of the tags will do."""
    wants = by_tag(expression)
    assert wants is not None
    assert "".join(row.id for row in ROWS if wants(row)) == passed


def test_every_tag_and_no_tag() -> None:
    """A star and nothing mean all; separators alone mean nothing that could be meant."""
    assert by_tag("*") is None
    assert by_tag("") is None
    with pytest.raises(ServiceError) as caught:
        by_tag("||")
    assert caught.value.code == 40010
