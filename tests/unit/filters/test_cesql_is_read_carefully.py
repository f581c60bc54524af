"""A text becomes a tree, or one sentence with the place; never anything else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.unit.filters.support import EVENTS, TREES, written

from eventing_alibaba.contract.cesql import tree
from eventing_alibaba.contract.cesql.errors import EvaluationError, ExpressionError
from eventing_alibaba.contract.cesql.parse import DEEPEST, LONGEST, parse
from eventing_alibaba.contract.cesql.tokens import KEYWORDS
from eventing_alibaba.contract.event import Event
from eventing_alibaba.flow.filters.expression import evaluator, is_true

_PIECES = [
    *sorted(KEYWORDS),
    *("=", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "(", ")", ","),
    *("'a'", '"b"', "'", '"', "\\", "7", "99999999999", "type", "tenant", "data", "_", "."),
    *("INT(", "LEFT(", "CONCAT_WS(", "nothing(", "\n", "\u2019", "\0"),
]
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def reading(text: str) -> tree.Node | ExpressionError:
    """Return what comes of reading a text."""
    try:
        return parse(text)
    except ExpressionError as error:
        return error


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_PIECES)).map(" ".join)))
@example("-" * 4096)
@example("(" * 4096)
@example("NOT " * 1000)
@example("CONCAT(" * 500)
@example("1" + "+1" * 2000)
@example("1" * 4096)
@example("'" + "\\" * 4000)
def test_any_text_is_a_tree_or_a_sentence(text: str) -> None:
    """Whatever is written, reading it ends in a tree that can be evaluated or in a sentence."""
    found = reading(text)
    if isinstance(found, ExpressionError):
        assert str(found)
        assert found.kind in ("parse", "missingFunction", "cast")
    else:
        assert tree.depth(found) <= DEEPEST
        evaluator(found)


@settings(deadline=None, max_examples=200, suppress_health_check=_SLOW)
@given(TREES)
def test_a_tree_survives_being_written(root: tree.Node) -> None:
    """Tree → text → the same tree: nothing is lost, swapped or taken for something else."""
    found = reading(written(root))
    if isinstance(found, ExpressionError):
        assert found.kind == "cast" or "nested" in str(found)
    else:
        assert repr(found) == repr(root)  # as 1 == True


@settings(deadline=None, max_examples=200, suppress_health_check=_SLOW)
@given(TREES, EVENTS)
def test_evaluation_gives_a_value_of_the_promised_type_or_fails(
    root: tree.Node, subject: Event
) -> None:
    """No event makes an expression raise anything but its own errors, nor lie about its type."""
    assume(not isinstance(reading(written(root)), ExpressionError))
    try:
        value = evaluator(root)(subject)
    except EvaluationError:
        assert is_true(root)(subject) is False
    else:
        assert value.__class__ in (str, int, bool)
        assert root.type in (object, value.__class__)
        assert value.__class__ is not int or -(2**31) <= value < 2**31
        assert is_true(root)(subject) is (value is True)


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a * b / c", "(a * b) / c"),
        ("a + b < c", "(a + b) < c"),
        ("a = b < c", "(a = b) < c"),
        ("a = b AND c", "(a = b) AND c"),
        ("a AND b AND c", "((a) AND ((b)) AND c)"),
        ("-a * b", "(-a) * b"),
        ("a * -b", "a * (-b)"),
        ("a + b LIKE 'x'", "a + (b LIKE 'x')"),
        ("a * b IN (1)", "a * (b IN (1))"),
        ("a = b NOT IN (1)", "a = (b NOT IN (1))"),
        ("NOT a AND b", "(NOT a) AND b"),
        ("NOT EXISTS a OR b", "(NOT (EXISTS a)) OR b"),
        ("NOT NOT a", "NOT (NOT a)"),
        ("a <> b", "a != b"),
        ("a-1", "a - 1"),
        ("TyPe lIkE 'X'", "type LIKE 'X'"),
        ("\ta\r\n=1 ", "a = 1"),
        ("5a = 1", "(5a) = 1"),
        ("lower(a) = 'x'", "LOWER(a)='x'"),
    ],
)
def test_the_looser_operator_goes_last(shorter: str, longer: str) -> None:
    """Ranks and sides are those of the specification, and blanks and case do not matter."""
    assert repr(parse(shorter)) == repr(parse(longer))


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "it ends where a value must follow"),
        ("  ", "it ends where a value must follow"),
        ("type LIKE", "it ends where a pattern in quotes must follow"),
        ("type LIKE subject", "at character 11: `subject` stands where a pattern in quotes must"),
        ("type = ", "it ends where a value must follow"),
        ("type 'x'", "at character 6: `'x'` stands where an operator or the end must"),
        ("type == 'x'", "at character 7: `=` stands where a value must"),
        ("type NOT 'x'", "at character 10: `'x'` stands where LIKE or IN must"),
        (
            "type = 'x' and\n  typ.e = 'y'",
            (
                "at line 2, character 6: '.' has no meaning in CESQL; an attribute's name has"
                " letters and digits only, and there are no decimal fractions"
            ),
        ),
        (
            "type = \u2018x\u2019",
            "at character 8: '\u2018' has no meaning in CESQL; write a straight quote, '",
        ),
        ("a = 1 && b = 2", "at character 7: '&' has no meaning in CESQL; write AND"),
        ("a @ b", "at character 3: '@' has no meaning in CESQL"),
        ("a = 'x", "at character 5: the text that begins here has no end; close it with '"),
        (
            "a = 'it''s'",
            (
                "at character 9: two quotes side by side are read differently by different"
                r" implementations; write \' for a quote in a text"
            ),
        ),
        ("(a = 1", "it ends where an operator or a closing parenthesis must follow"),
        ("a = 1)", "at character 6: `)` stands where an operator or the end must"),
        ("a IN 'x'", "at character 6: `'x'` stands where a list in parentheses must"),
        ("a IN ()", "at character 6: IN has nothing in its parentheses"),
        ("a IN ('x',)", "at character 11: `)` stands where a value must"),
        ("EXISTS (a)", "at character 8: `(` stands where the name of an attribute must"),
        ("a = +b", "at character 6: `b` stands where a whole number must"),
        (
            "a = 2147483648",
            "at character 5: a whole number lies between -2147483648 and 2147483647",
        ),
        ("my_attr = 1", "at character 1: `my_attr` is no attribute: names have letters and digits"),
        ("EXISTS data", "at character 8: `data` is no attribute: filters never see the data"),
        (
            "LENGTHS(type) = 1",
            "at character 1: the function LENGTHS does not exist; did you mean LENGTH?",
        ),
        ("NOW() = 1", "at character 1: the function NOW does not exist: LENGTH, CONCAT,"),
        ("LEFT(type) = 'x'", "at character 1: LEFT takes 2 arguments, not 1"),
        ("SUBSTRING() = 'x'", "at character 1: SUBSTRING takes 2 or 3 arguments, not 0"),
        ("LOWER(a, b) = 'x'", "at character 1: LOWER takes 1 argument, not 2"),
        ("CONCAT_WS() = ''", "at character 1: CONCAT_WS takes 1 or more arguments, not 0"),
        (
            "time > '2024-01-01'",
            "at character 8: > takes a whole number of 32 bits here, not '2024-01-01'",
        ),
        ("'x' = 5", "at character 1: = takes a whole number of 32 bits here, not 'x'"),
        ("true IN ('x')", "at character 10: IN takes true or false here, not 'x'"),
        ("a AND 'x'", "at character 7: AND takes true or false here, not 'x'"),
        ("ABS('x') = 1", "at character 5: ABS takes a whole number of 32 bits here, not 'x'"),
        (
            "a OR b AND c",
            (
                "at character 8: OR and AND have the same rank in CESQL, and implementations differ"
                " in which goes first; put parentheses around one"
            ),
        ),
        (
            "NOT a LIKE 'x'",
            (
                "at character 1: NOT takes only what stands between it and `LIKE`; put parentheses"
                " after NOT around all that it is about"
            ),
        ),
        ("NOT a = 1", "at character 1: NOT takes only what stands between it and `=`;"),
        ("b AND NOT a NOT IN (1)", "at character 7: NOT takes only what stands between it and"),
        ("(" * 33 + "a" + ")" * 33, "at character 33: it is nested more than 32 levels deep"),
        ("1" + "+1" * 40 + " = a", "at character 1: it is nested more than 32 levels deep"),
        ("a" * (LONGEST + 1), "has 4097 characters; an expression may have 4096"),
    ],
)
def test_a_mistake_is_told_with_its_place(expression: str, sentence: str) -> None:
    """Each sort of mistake has a sentence that says where it is and what to write."""
    with pytest.raises(ExpressionError) as caught:
        parse(expression)
    assert str(caught.value).startswith(sentence)


def test_a_long_list_of_conditions_is_not_deep() -> None:
    """Hundreds of conditions side by side are one level."""
    assert tree.depth(parse(" OR ".join(["a = 'x'"] * 350))) == 3
    assert tree.depth(parse(f"a IN ({', '.join(['7'] * 1000)})")) == 2
