"""Each dialect, alone and combined, on events with and without the attribute."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.filters.support import EVENTS, NAMES, TEXTS, Holder, event, passes, quoted

from eventing_alibaba.contract.event import AttributeValue, Event
from eventing_alibaba.contract.validation import read
from eventing_alibaba.flow.filters.compile import compile_filters

TYPED: dict[str, AttributeValue] = {
    "type": "com.example.order.created",
    "subject": "orders/7",
    "tenant": "acme",
    "count": 12,
    "flag": True,
    "huge": 2**40,
    "empty": "",
}


@pytest.mark.parametrize(
    ("one", "result"),
    [
        ({"exact": {"type": "com.example.order.created"}}, True),
        ({"exact": {"type": "com.example.order.Created"}}, False),
        ({"exact": {"type": "com.example.order"}}, False),
        ({"exact": {"tenant": "acme"}}, True),
        ({"exact": {"tenant": "acme", "subject": "orders/7"}}, True),
        ({"exact": {"tenant": "acme", "subject": "orders/8"}}, False),
        ({"exact": {"tenant": "acme", "type": "x", "subject": "orders/7"}}, False),
        ({"exact": {"count": "12"}}, True),
        ({"exact": {"count": "1"}}, False),
        ({"exact": {"huge": "1099511627776"}}, True),
        ({"exact": {"flag": "true"}}, True),
        ({"exact": {"flag": "True"}}, False),
        ({"exact": {"flag": "1"}}, False),
        ({"exact": {"specversion": "1.0"}}, True),
        ({"exact": {"dataschema": "None"}}, False),
        ({"exact": {"missing": "None"}}, False),
        ({"prefix": {"type": "com.example."}}, True),
        ({"prefix": {"type": "example."}}, False),
        ({"prefix": {"type": "com.example.order.created.x"}}, False),
        ({"prefix": {"count": "1"}}, True),
        ({"prefix": {"flag": "tr"}}, True),
        ({"prefix": {"time": "None"}}, False),
        ({"prefix": {"missing": "No"}}, False),
        ({"prefix": {"empty": "a"}}, False),
        ({"suffix": {"type": ".created"}}, True),
        ({"suffix": {"type": ".deleted"}}, False),
        ({"suffix": {"count": "2"}}, True),
        ({"suffix": {"flag": "ue"}}, True),
        ({"suffix": {"missing": "e"}}, False),
        ({"suffix": {"datacontenttype": "e"}}, False),
        ({"not": {"exact": {"tenant": "acme"}}}, False),
        ({"not": {"exact": {"tenant": "other"}}}, True),
        ({"not": {"exact": {"missing": "x"}}}, True),
        ({"not": {"cesql": "missing = 'x'"}}, True),
        ({"not": {"not": {"exact": {"tenant": "acme"}}}}, True),
        ({"all": [{"prefix": {"type": "com."}}, {"suffix": {"type": "d"}}]}, True),
        ({"all": [{"prefix": {"type": "com."}}, {"suffix": {"type": "x"}}]}, False),
        ({"any": [{"prefix": {"type": "x"}}, {"suffix": {"type": "d"}}]}, True),
        ({"any": [{"prefix": {"type": "x"}}, {"suffix": {"type": "x"}}]}, False),
        ({"any": [{"exact": {"missing": "x"}}]}, False),
        ({"any": [{"not": {"all": [{"cesql": "tenant = 'acme'"}]}}, {"cesql": "flag"}]}, True),
        ({"cesql": "tenant = 'acme' AND count > 5"}, True),
        ({"cesql": "missing = 'acme' OR flag"}, False),
    ],
    ids=str,
)
def test_a_filter_passes_what_it_says(one: dict[str, Any], result: bool) -> None:
    """Values are compared as the text that is sent, and what is missing matches nothing."""
    assert passes(TYPED, one) is result


def test_all_filters_of_the_list_must_pass() -> None:
    """A list is `all` without saying so."""
    yes, no = {"exact": {"tenant": "acme"}}, {"exact": {"tenant": "x"}}
    assert passes(TYPED, yes, yes, yes)
    assert not passes(TYPED, yes, no)
    assert not passes(TYPED, no, yes, yes)


def test_no_filters_are_no_function() -> None:
    """Where nothing is filtered nothing is called."""
    assert compile_filters(read(Holder, {}).filters) is None
    assert compile_filters(read(Holder, {"filters": []}).filters) is None


def test_an_event_that_cannot_be_looked_into_passes() -> None:
    """A structured event in a format unknown here is delivered, not acknowledged unseen."""
    opaque = event(type="stand-in")
    opaque.structured = True
    assert passes(opaque, {"exact": {"type": "other"}})
    assert passes(opaque, {"not": {"exact": {"type": "stand-in"}}}, {"cesql": "missing"})


def _texts(value: AttributeValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(subject: Event, name: str) -> str | None:
    found = getattr(subject, name) if name in ("type", "subject") else subject.extensions.get(name)
    return None if found is None else _texts(found)


_CONDITIONS = st.tuples(
    st.sampled_from(["exact", "prefix", "suffix"]), st.sampled_from(NAMES), TEXTS.filter(bool)
)


@given(_CONDITIONS, EVENTS)
def test_a_condition_is_what_python_says_of_the_text(
    condition: tuple[str, str, str], subject: Event
) -> None:
    """Three dialects are three comparisons of texts; without the attribute none holds."""
    dialect, name, wanted = condition
    value = _value(subject, name)
    holds = value is not None and (
        (dialect == "exact" and value == wanted)
        or (dialect == "prefix" and value.startswith(wanted))
        or (dialect == "suffix" and value.endswith(wanted))
    )
    assert passes(subject, {dialect: {name: wanted}}) is holds


@given(_CONDITIONS, EVENTS)
def test_not_is_the_opposite_whether_the_attribute_is_there_or_not(
    condition: tuple[str, str, str], subject: Event
) -> None:
    """What a filter passes its `not` does not, and the other way round."""
    dialect, name, wanted = condition
    one = {dialect: {name: wanted}}
    assert passes(subject, {"not": one}) is not passes(subject, one)


@given(_CONDITIONS, EVENTS)
def test_cesql_says_the_same_in_its_own_words(
    condition: tuple[str, str, str], subject: Event
) -> None:
    """The three dialects as CESQL pass the same events."""
    dialect, name, wanted = condition
    assume("\\" not in wanted)
    pattern = quoted(wanted.replace("%", "\\%").replace("_", "\\_"))[1:-1]
    expression = {
        "exact": f"STRING({name}) = {quoted(wanted)}",
        "prefix": f"{name} LIKE '{pattern}%'",
        "suffix": f"{name} LIKE '%{pattern}'",
    }[dialect]
    assert passes(subject, {"cesql": expression}) is passes(subject, {dialect: {name: wanted}})
    if _value(subject, name) is None:
        assert not passes(subject, {"cesql": f"NOT ({expression})"})


@given(st.lists(_CONDITIONS, min_size=1, max_size=4), EVENTS)
def test_all_and_any_count_their_filters(
    conditions: list[tuple[str, str, str]], subject: Event
) -> None:
    """However many there are, `all` wants every one and `any` one of them."""
    inner = [{dialect: {name: wanted}} for dialect, name, wanted in conditions]
    each = [passes(subject, one) for one in inner]
    assert passes(subject, {"all": inner}) is all(each)
    assert passes(subject, {"any": inner}) is any(each)
    assert passes(subject, *inner) is all(each)


@given(_CONDITIONS, EVENTS)
def test_an_event_is_left_as_it_was(condition: tuple[str, str, str], subject: Event) -> None:
    """To be looked at changes nothing: the same event is encoded afterwards."""
    dialect, name, wanted = condition
    before = repr(subject)
    passes(subject, {dialect: {name: wanted}}, {"cesql": f"EXISTS {name}"})
    assert repr(subject) == before
