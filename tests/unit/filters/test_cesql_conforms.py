"""The conformance tests of CloudEvents SQL, and what they leave open."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.unit.filters.support import event, passes

from eventing_alibaba.contract.cesql.errors import EvaluationError, ExpressionError
from eventing_alibaba.contract.cesql.parse import parse
from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.flow.filters.expression import evaluator, is_true

VECTORS: Final[list[tuple[str, dict[str, Any]]]] = [
    (f"{suite}: {vector['name']}", vector)
    for suite, vectors in yaml.safe_load(
        (Path(__file__).parent / "cesql_tck.yaml").read_text(encoding="utf-8")
    ).items()
    for vector in vectors
]

# `NOT 10` must fail says a vector of the draft. Version 1.0 casts 10 to true (section 3.7), and the
# implementations follow it.
OUTDATED: Final = {"not_operator: Invalid int cast": False}


@pytest.mark.parametrize(("name", "vector"), VECTORS, ids=[name for name, _ in VECTORS])
def test_a_vector_gives_what_it_says(name: str, vector: dict[str, Any]) -> None:
    """Each vector gives its result, or the error of its kind and is not true."""
    subject = _event({**vector.get("event", {}), **vector.get("eventOverrides", {})})
    expression = vector["expression"]
    if name in OUTDATED:
        assert evaluator(parse(expression))(subject) is OUTDATED[name]
    elif "error" in vector:
        assert _failure(expression, subject) == vector["error"]
    else:
        found = evaluator(parse(expression))(subject)
        assert (found, found.__class__) == (vector["result"], vector["result"].__class__)


def _failure(expression: str, subject: Event) -> str:
    """Return the kind of error that an expression ends in."""
    try:
        root = parse(expression)
    except ExpressionError as error:
        return error.kind
    assert not is_true(root)(subject)
    with pytest.raises(EvaluationError) as caught:
        evaluator(root)(subject)
    return caught.value.kind


def test_the_vectors_are_all_there() -> None:
    """The file was read whole."""
    assert len(VECTORS) == 275


def _event(attributes: dict[str, Any]) -> Event:
    return event(**{"type": "t", **attributes})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / -2", -3),
        ("-7 / 2", -3),
        ("-7 / -2", 3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("-2147483648", -(2**31)),
        ("+5", 5),
        ("4-1", 3),
        ("- 10", -10),
        ("10 - 4 - 3", 3),
        ("2 + 3 * 4", 14),
        ("1 = 1 = true", True),
        ("1 < 2 = true", True),
        ("INT('+0000000000000000000007')", 7),
        ("STRING(-0)", "0"),
        ("TRUE = 'true' AND FALSE = 'false'", True),
        ("TRUE = 'TRUE' OR FALSE = 'FALSE'", False),
        ("true xor true xor true", True),
        ("SUBSTRING('abc', 2, 0)", ""),
        ("SUBSTRING('abc', 3, 9)", "c"),
        ("SUBSTRING('abc', -3, 1)", "a"),
        ("RIGHT('abc', 0)", ""),
        ("RIGHT('abc', 4)", "abc"),
        ("- 2147483648", -(2**31)),
        ("seven = padded", False),
        ("padded = seven", True),
        ("seven != padded", True),
        ("padded != seven", False),
        ("seven = seven", True),
        ("'a\\\nb\n'", "a\\\nb\n"),
        ("LENGTH('\U0001f389\u00e9')", 2),
        ("TRIM('\u2003\x1f a \x1f\u3000')", "\x1f a \x1f"),
        ("UPPER('stra\u00dfe')", "STRASSE"),
        ("CONCAT_WS('-', 1, true, 'x')", "1-true-x"),
        ("IS_INT('7') AND IS_INT(true)", True),
        ("IS_INT('2147483648')", False),
        ("IS_BOOL('tRUE') AND IS_BOOL(7)", True),
        ("IS_BOOL('yes')", False),
        (r"'a\"b'", r"a\"b"),
        (r"'a\\'", r"a\\"),
        (r"'it\'s'", "it's"),
        ("'a' NOT IN ('b', 'c')", True),
        ("7 IN ('7')", True),
        ("id", "1"),
        ("SpecVersion", "1.0"),
        ("1 IN (1, missing)", True),
        ("false AND missing", False),
        ("true OR missing = 1", True),
        ("(EXISTS missing AND missing = 'x') OR type = 't'", True),
    ],
)
def test_an_expression_has_its_value(expression: str, value: AttributeValue) -> None:
    """What the vectors leave open is as the specification's text says."""
    found = evaluator(parse(expression))(event(type="t", seven=7, padded="07"))
    assert (found, found.__class__) == (value, value.__class__)


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("2147483647 + 1", "math"),
        ("-2147483648 - 1", "math"),
        ("65536 * 65536", "math"),
        ("-2147483648 / -1", "math"),
        ("-(-2147483648)", "math"),
        ("ABS(-2147483648)", "math"),
        ("INT(big)", "cast"),
        ("big > 5", "cast"),
        ("INT(blank)", "cast"),
        ("INT(digits)", "cast"),
        ("INT(arabic)", "cast"),
        ("NOT blank", "cast"),
        ("SUBSTRING('abc', 1, -1)", "functionEvaluation"),
        ("SUBSTRING('', 1)", "functionEvaluation"),
        ("false OR missing", "missingAttribute"),
        ("missing = 'x' OR type = 't'", "missingAttribute"),
        ("NOT (missing = 'x')", "missingAttribute"),
        ("missing NOT IN ('x')", "missingAttribute"),
        ("missing NOT LIKE 'x'", "missingAttribute"),
        ("IS_INT(missing)", "missingAttribute"),
        ("5 IN (blank, 5)", "cast"),
        ("type = 5", "cast"),
    ],
)
def test_what_fails_fails_by_its_kind_and_is_not_true(expression: str, kind: str) -> None:
    """Overflow, casts, arguments and missing attributes are errors, and an error passes nothing."""
    subject = event(type="t", big=2**31, blank=" 5", digits="1" * 5000, arabic="\u0665", flag=True)
    with pytest.raises(EvaluationError) as caught:
        evaluator(parse(expression))(subject)
    assert caught.value.kind == kind
    assert not is_true(parse(expression))(subject)


@pytest.mark.parametrize("expression", ["tenant", "tenant OR true", "NOT tenant"])
def test_only_true_passes(expression: str) -> None:
    """A text is no answer, not even one that could be cast."""
    assert passes({"tenant": True}, {"cesql": expression}) is (expression != "NOT tenant")
    assert not passes({"tenant": "x"}, {"cesql": expression})
    assert passes({"tenant": "true"}, {"cesql": expression}) is (expression == "tenant OR true")


@pytest.mark.parametrize(("value", "text"), [(2**31, "2147483648"), (-(2**31) - 1, "-2147483649")])
def test_a_number_of_more_than_32_bits_is_text(value: int, text: str) -> None:
    """An offset past two thousand million is no CESQL integer and does not break the filter."""
    run = evaluator(parse("knativekafkaoffset"))
    assert run(event(knativekafkaoffset=value)) == text
    assert passes({"knativekafkaoffset": value}, {"cesql": f"knativekafkaoffset = '{text}'"})
