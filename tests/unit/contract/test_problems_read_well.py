"""A mistake in a manifest is one sentence: the field, the value seen, what to write."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.contract.models import ParcelSpec

from eventing_alibaba.contract.validation import Invalid, read


def said(**fields: Any) -> list[str]:
    """Return what is said about a spec with these fields."""
    with pytest.raises(Invalid) as caught:
        read(ParcelSpec, {"depot": "north", **fields})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"flow": {"maxBytes": 1}}, "spec.flow.maxBytes: 1 is too small; must be at least 65536"),
        (
            {"flow": {"concurrency": 5000}},
            "spec.flow.concurrency: 5000 is too large; must be at most 4096",
        ),
        ({"weight": 0}, "spec.weight: 0 is too small; must be greater than 0"),
        (
            {"routes": [{"via": "x", "stops": 10}]},
            "spec.routes[0].stops: 10 is too large; must be less than 10",
        ),
        ({"weight": 1.5}, "spec.weight: must be a whole number; got 1.5"),
        ({"weight": "7"}, "spec.weight: must be a whole number, without quotes; got '7'"),
        ({"weight": True}, "spec.weight: must be a whole number; got true"),
        ({"weight": [1]}, "spec.weight: must be a whole number; got a list"),
        ({"fragile": "true"}, "spec.fragile: must be true or false, without quotes; got 'true'"),
        ({"fragile": 1}, "spec.fragile: must be true or false; got 1"),
        ({"depot": 5}, "spec.depot: must be text: put it in quotes; got 5"),
        ({"depot": True}, "spec.depot: must be text: put it in quotes; got true"),
        ({"depot": {"name": "x"}}, "spec.depot: must be text; got a mapping"),
        ({"depot": ""}, "spec.depot: must not be empty"),
        ({"depot": "x" * 21}, "spec.depot: has 21 characters; must have at most 20"),
        ({"depot": "nowhere"}, "spec.depot: `nowhere` is no depot"),
        ({"depot": None}, "spec.depot: is required"),
        (
            {"shelves": "A"},
            "spec.shelves: must be a list, one item a line, each after `- `; got 'A'",
        ),
        ({"shelves": []}, "spec.shelves: is empty; must have at least 1"),
        ({"shelves": list("ABCD")}, "spec.shelves: has 4 items; must have at most 3"),
        ({"shelves": ["A", "b"]}, "spec.shelves[1]: 'b' must match `^[A-Z]+$`"),
        ({"shelves": ["A", None]}, "spec.shelves[1]: must be text; got nothing"),
        ({"routes": [{"via": "x"}, {}]}, "spec.routes[1].via: is required"),
        ({"flow": "fast"}, "spec.flow: must be a mapping; got 'fast'"),
        ({"flow": []}, "spec.flow: must be a mapping; got a list"),
        (
            {"size": "Small"},
            "spec.size: must be `small` or `large`; got 'Small'; did you mean `small`?",
        ),
        ({"size": 3}, "spec.size: must be `small` or `large`; got 3"),
        ({"sink": {}}, "spec.sink: must have `ref` or `uri`"),
        (
            {"owner": {"apiVersion": "v1", "kind": "Pod", "name": "A_B"}},
            (
                "spec.owner.name: 'A_B' must be made of lower-case letters, digits, `-` and `.`, "
                "with a letter or digit first and last"
            ),
        ),
    ],
)
def test_a_wrong_value_is_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    """Each sort of mistake has its own words, with the place as users write it."""
    assert said(**fields) == [sentence]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("30s", "PT30S"),
        ("0.5s", "PT0.5S"),
        ("5m", "PT5M"),
        ("1H", "PT1H"),
        ("2d", "P2D"),
        ("500ms", "PT0.5S"),
        ("15", "PT15S"),
        (15, "PT15S"),
        ("5", "PT5S"),
        ("soon", "PT30S, PT0.3S, PT5M"),
        ("", "PT30S, PT0.3S, PT5M"),
        ("P1Y", "PT30S, PT0.3S, PT5M"),
        ("x" * 30, "PT30S, PT0.3S, PT5M"),
    ],
)
def test_what_is_no_duration_gets_the_duration_that_was_meant(text: object, instead: str) -> None:
    """Other ways to write a span of time are understood well enough to be translated."""
    [sentence] = said(wait=text)
    assert sentence.startswith("spec.wait: ")
    assert sentence.endswith(f" is no ISO 8601 duration; write {instead}")


def test_durations_inside_a_mapping_are_explained_too() -> None:
    """What a mapping holds is found by its key."""
    assert said(waits={"a.b c": "1m"}) == [
        "spec.waits['a.b c']: '1m' is no ISO 8601 duration; write PT1M"
    ]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"flow": {"maxByte": 1}},
            "spec.flow.maxByte: is no field of spec.flow; did you mean `maxBytes`?",
        ),
        (
            {"flow": {"max_bytes": 70000}},
            "spec.flow.max_bytes: is no field of spec.flow; did you mean `maxBytes`?",
        ),
        (
            {"flow": {"maxbytes": 70000}},
            "spec.flow.maxbytes: is no field of spec.flow; did you mean `maxBytes`?",
        ),
        ({"Depot": "x"}, "spec.Depot: is no field of spec; did you mean `depot`?"),
        (
            {"concurrency": 3},
            "spec.concurrency: is no field of spec; it belongs to spec.flow",
        ),
        (
            {"login": {"depot": 3}},
            "spec.login.depot: is no field of spec.login; it belongs to spec",
        ),
        (
            {"routes": [{"via": "x", "colour": 1}]},
            "spec.routes[0].colour: is no field of spec.routes[0], which has `via`, `stops`",
        ),
    ],
)
def test_an_unknown_field_is_said_with_what_was_meant(
    fields: dict[str, Any], sentence: str
) -> None:
    """The nearest name, or where the field belongs, or what there is."""
    assert said(**fields) == [sentence]


def test_all_problems_are_said_at_once() -> None:
    """Nobody should have to run it once for each mistake."""
    assert len(said(weight=0, size="x", flow={"maxBytes": 1, "zzz": 1})) == 4


def test_what_json_cannot_hold_is_a_sentence_too() -> None:
    """Half a character, as an escape in K_SOURCE_CONFIG can say."""
    [sentence] = said(size="\ud800")
    assert sentence.startswith("spec: invalid JSON: ")


def test_long_values_are_cut() -> None:
    """A pasted page does not fill the terminal."""
    [sentence] = said(size="x" * 5000)
    assert len(sentence) < 120
    assert "xxx..." in sentence


def test_a_value_stays_on_its_line() -> None:
    """A value with control characters is shown escaped."""
    [sentence] = said(size="a\nb\x1b[31m")
    assert "'a\\nb\\x1b[31m'" in sentence


def test_a_spec_that_is_no_mapping_is_said_of_the_root() -> None:
    """The root has a name too."""
    with pytest.raises(Invalid, match=r"^spec: must be a mapping; got 'x'$"):
        read(ParcelSpec, "x")
    with pytest.raises(Invalid, match=r"^it: must be a mapping; got a list$"):
        read(ParcelSpec, [], root="")
