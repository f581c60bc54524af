"""What is valid here is what a CRD's schema takes: strict types, nulls as absence, aliases only."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.contract.models import ParcelSpec

from eventing_alibaba.contract.validation import Invalid, read, read_tolerantly


def test_a_null_means_not_written() -> None:
    """`flow:` with nothing under it is what a half-commented manifest has."""
    spec = read(ParcelSpec, {"depot": "north", "flow": None, "weight": None, "sink": None})
    assert spec == read(ParcelSpec, {"depot": "north"})


def test_the_data_is_left_as_it_was() -> None:
    """Taking nulls and unknown fields out happens on a copy."""
    data: dict[str, Any] = {"depot": "north", "flow": None, "login": {"zzz": 1}}
    read_tolerantly(ParcelSpec, data)
    assert data == {"depot": "north", "flow": None, "login": {"zzz": 1}}


@pytest.mark.parametrize("weight", ["1", 1.0, True])
def test_numbers_are_not_made_of_other_types(weight: object) -> None:
    """What an API server refuses must not run on a laptop."""
    with pytest.raises(Invalid):
        read(ParcelSpec, {"depot": "north", "weight": weight})


def test_only_aliases_are_names() -> None:
    """The Python name of a field is unknown to a CRD."""
    with pytest.raises(Invalid, match="ce_overrides: is no field of spec"):
        read(ParcelSpec, {"depot": "north", "ce_overrides": {}})


def test_unknown_fields_are_passed_over_and_named_at_any_depth() -> None:
    """A newer operator's fields neither stop an older adapter nor go unseen."""
    spec, dropped = read_tolerantly(
        ParcelSpec,
        {
            "depot": "north",
            "novel": {"a": [1]},
            "flow": {"concurrency": 3, "novel": None},
            "routes": [{"via": "x"}, {"via": "y", "novel": 1}],
            "login": None,
        },
    )
    assert spec.flow.concurrency == 3
    assert [route.via for route in spec.routes] == ["x", "y"]
    assert sorted(dropped) == ["spec.flow.novel", "spec.novel", "spec.routes[1].novel"]


def test_tolerance_is_for_unknown_fields_only() -> None:
    """A wrong value of a known field stays an error, and is said without the unknown ones."""
    with pytest.raises(Invalid) as caught:
        read_tolerantly(ParcelSpec, {"depot": "north", "novel": 1, "weight": 0})
    assert caught.value.problems == ("spec.weight: 0 is too small; must be greater than 0",)


def test_an_invalid_spec_is_a_misconfiguration_with_a_reason() -> None:
    """The process exits with 78 and the operator shows the reason."""
    with pytest.raises(Invalid) as caught:
        read(ParcelSpec, {})
    assert caught.value.reason == "InvalidSpec"
