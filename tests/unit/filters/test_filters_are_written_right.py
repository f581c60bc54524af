"""What a manifest may say about filters, what it is told otherwise, and what a cluster is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.contract.structural_rules import violations
from tests.unit.filters.support import Holder, passes

from eventing_alibaba.contract.filters import DEEPEST
from eventing_alibaba.contract.schema import structural
from eventing_alibaba.contract.validation import Invalid, read, read_tolerantly

ONE = {"exact": {"type": "t"}}


def said(one: object) -> str:
    """Return what is said about a list of this one filter."""
    with pytest.raises(Invalid) as caught:
        read(Holder, {"filters": [one]})
    (sentence,) = caught.value.problems
    return sentence


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            {},
            (
                "spec.filters[0]: must have exactly one of `exact`, `prefix`, `suffix`, `all`,"
                " `any`, `not`, `cesql`; got none"
            ),
        ),
        (
            {**ONE, "cesql": "true"},
            (
                "spec.filters[0]: must have exactly one of `exact`, `prefix`, `suffix`, `all`,"
                " `any`, `not`, `cesql`; got `exact` and `cesql`"
            ),
        ),
        ({"prefixx": {"a": "b"}}, "spec.filters[0].prefixx: is no field of spec.filters[0]; did"),
        ({"exact": {}}, "spec.filters[0].exact: is empty; must have at least 1"),
        ({"exact": {"type": ""}}, "spec.filters[0].exact.type: must not be empty"),
        ({"exact": {"count": 5}}, "spec.filters[0].exact.count: must be text: put it in quotes;"),
        ({"exact": {"type": "t", "a": None}}, "spec.filters[0].exact: `a` must be text; got"),
        ({"exact": "type"}, "spec.filters[0].exact: must be a mapping; got 'type'"),
        (
            {"suffix": {"X-Tenant": "a"}},
            (
                "spec.filters[0].suffix: 'X-Tenant' is no attribute: names have lower-case letters"
                " and digits only; did you mean `xtenant`?"
            ),
        ),
        ({"exact": {"": "a"}}, "spec.filters[0].exact: '' is no attribute: names have lower-case"),
        (
            {"prefix": {"data": "a"}},
            "spec.filters[0].prefix: `data` is no attribute: filters never see the data",
        ),
        ({"all": []}, "spec.filters[0].all: is empty; must have at least 1"),
        ({"all": ONE}, "spec.filters[0].all: must be a list; got a mapping"),
        ({"any": [ONE, None]}, "spec.filters[0].any[1]: must be a mapping; got nothing"),
        ({"any": [ONE, {}]}, "spec.filters[0].any[1]: must have exactly one of `exact`,"),
        (
            {"not": {"any": [ONE, {"exactt": {"type": "t"}}]}},
            (
                "spec.filters[0].not.any[1].exactt: is no field of spec.filters[0].not.any[1];"
                " did you mean `exact`?"
            ),
        ),
        ({"not": {"exact": {"count": 5}}}, "spec.filters[0].not.exact.count: must be text"),
        (
            {"not": {"cesql": "type ="}},
            "spec.filters[0].not.cesql: it ends where a value must follow",
        ),
        ({"not": None}, "spec.filters[0]: must have exactly one of `exact`,"),
        ({"cesql": ""}, "spec.filters[0].cesql: must not be empty"),
        ({"cesql": "a" * 4097}, "spec.filters[0].cesql: has 4097 characters; must have at most"),
        ({"cesql": True}, "spec.filters[0].cesql: must be text: put it in quotes; got true"),
        (
            {"cesql": "LENGTH(type)"},
            (
                "spec.filters[0].cesql: the expression gives a whole number;"
                " only what is true or false can be a filter"
            ),
        ),
        ({"cesql": "type"}, "spec.filters[0].cesql: the expression gives a text; only what is"),
        ("type = 't'", "spec.filters[0]: must be a mapping; got \"type = 't'\""),
    ],
    ids=str,
)
def test_a_mistake_is_one_sentence(one: object, sentence: str) -> None:
    """At any level a mistake is told by its place, and by what to write."""
    assert said(one).startswith(sentence)


def nested(levels: int) -> dict[str, Any]:
    """Return a filter with so many levels."""
    found: dict[str, Any] = ONE
    for _ in range(levels - 1):
        found = {"not": found}
    return found


def test_filters_nest_as_deep_as_is_said_and_no_deeper() -> None:
    """Sixteen levels are accepted, one more is refused, and a hundred break nothing."""
    assert read(Holder, {"filters": [nested(DEEPEST)]})
    for levels in (DEEPEST + 1, 100):
        with pytest.raises(Invalid, match=f"filters in filters, more than {DEEPEST} levels deep"):
            read(Holder, {"filters": [nested(levels)]})


@pytest.mark.parametrize(
    "one", [ONE, {"not": ONE}, {"all": [ONE, {"any": [ONE]}]}, {"cesql": "NOT (type = 't')"}]
)
def test_filters_survive_json(one: dict[str, Any]) -> None:
    """Filters → JSON, with what was not written or without → the same filters."""
    found = read(Holder, {"filters": [one]})
    for exclude in (True, False):
        text = found.model_dump_json(by_alias=True, exclude_defaults=exclude)
        assert read(Holder, json.loads(text)) == found
    assert json.loads(found.model_dump_json(by_alias=True, exclude_none=True))["filters"] == [one]


def test_a_null_counts_as_not_written_where_that_takes_no_condition_away() -> None:
    """A dialect without a value is not there; an attribute without one is refused."""
    assert read(Holder, {"filters": [{**ONE, "cesql": None}]}) == read(Holder, {"filters": [ONE]})
    assert "must be text" in said({"not": {"exact": {"type": None, "subject": "s"}}})


def test_an_unknown_dialect_from_another_version_lets_nothing_through_unseen() -> None:
    """What is passed over elsewhere leaves a filter without a dialect here, which is refused."""
    with pytest.raises(Invalid, match="got none"):
        read_tolerantly(Holder, {"filters": [{"regex": {"type": "t"}}]})
    found, dropped = read_tolerantly(Holder, {"filters": [{"not": {**ONE, "note": "x"}}]})
    assert found == read(Holder, {"filters": [{"not": ONE}]})
    assert dropped == ["spec.filters[0].not.note"]


def test_the_schema_is_structural_and_ends() -> None:
    """A cluster is told one level and the number of dialects; deeper levels are any object."""
    schema = structural(Holder)
    assert list(violations(schema)) == []
    one = schema["properties"]["filters"]["items"]
    assert (one["minProperties"], one["maxProperties"]) == (1, 1)
    assert list(one["properties"]) == [
        *("exact", "prefix", "suffix", "all", "any", "not", "cesql"),
    ]
    opened = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert one["properties"]["all"]["items"] == opened
    assert opened.items() <= one["properties"]["not"].items()
    assert one["properties"]["exact"]["additionalProperties"]["minLength"] == 1


def test_a_triggers_filters_are_taken_as_they_are() -> None:
    """What Knative's documentation shows for a Trigger works here word by word."""
    filters: list[dict[str, Any]] = [
        {"any": [{"exact": {"type": "dev.knative.foo.bar", "myext": "my-value"}}]},
        {"not": {"prefix": {"type": "dev.knative.old."}}},
        {"cesql": "source LIKE '%commerce%' AND type IN ('order.created', 'dev.knative.foo.bar')"},
    ]
    wanted = {"type": "dev.knative.foo.bar", "myext": "my-value", "source": "my/commerce/app"}
    assert passes(wanted, *filters)
    assert not passes({**wanted, "source": "/other"}, *filters)
