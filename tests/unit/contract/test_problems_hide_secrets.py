"""What may be secret is in no sentence, wherever in the manifest it was put by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.contract.models import ParcelSpec

from eventing_alibaba.contract.problems import shown
from eventing_alibaba.contract.validation import Invalid, read

SECRET = "hunter2"  # what must not be seen


@pytest.mark.parametrize(
    "fields",
    [
        {"login": {"password": SECRET}},
        {"login": {"password": [SECRET]}},
        {"login": {"password": {"value": [SECRET]}}},
        {"login": {"password": {"value": SECRET, "env": "X"}}},
        {"login": {"password": {"secretKeyRef": SECRET}}},
        {"login": {"password": {"secretKeyRef": {"name": f"{SECRET}!", "key": "x"}}}},
        {"login": {"password": {"secretKeyRef": {"name": "x", "key": f"{SECRET}!"}}}},
        {"login": {"pin": SECRET}},
        {"login": {"proof": SECRET}},
        {"login": {"proof": {"env": [SECRET], "value": SECRET}}},
        {"login": {"apiToken": SECRET}},
        {"login": SECRET},
        {"sinkAuth": SECRET},
        {"sinkAuth": {"bearer": SECRET}},
        {"sinkAuth": {"basic": f"user:{SECRET}"}},
        {"sinkAuth": {"headers": f"X-Key: {SECRET}"}},
        {"sinkAuth": {"headers": [f"X-Key: {SECRET}"]}},
        {"login": SECRET + "-----BEGIN PRIVATE KEY-----"},
        {"login": [{"password": SECRET}]},
        {"password": SECRET},
        {"token": {"value": SECRET}},
        {"size": f"http://user:{SECRET}@host/"},
        {"size": {"value": SECRET}},
    ],
    ids=str,
)
def test_a_secret_is_in_no_sentence(fields: dict[str, Any]) -> None:
    """Secrets given in the wrong place, or of the wrong type, are refused unseen."""
    with pytest.raises(Invalid) as caught:
        read(ParcelSpec, {"depot": "north", **fields})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_number_in_a_secret_place_is_not_shown_either() -> None:
    """YAML makes a number of a password of digits."""
    with pytest.raises(Invalid) as caught:
        read(ParcelSpec, {"depot": "north", "login": {"password": {"value": 12345678}}})
    assert str(caught.value) == (
        "spec.login.password.value: must be text: put it in quotes; got a value (not shown)"
    )


def test_a_password_written_directly_is_told_how_to_be_referred_to() -> None:
    """The most likely mistake of all has an answer."""
    with pytest.raises(Invalid) as caught:
        read(ParcelSpec, {"depot": "north", "login": {"password": SECRET}})
    assert "`secretKeyRef: {name: ..., key: ...}`" in str(caught.value)


def test_what_is_not_secret_is_shown() -> None:
    """Hiding is for secrets only: a plain field's value is in its sentence."""
    with pytest.raises(Invalid, match="got 5"):
        read(ParcelSpec, {"depot": "north", "login": {"user": 5}})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (False, "false"),
        (3, "3"),
        ("a", "'a'"),
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        ("x\n-----BEGIN CERTIFICATE-----", "a PEM text"),
        ("https://u:p@h/", "'https://***@h/'"),
    ],
)
def test_values_are_shown_as_scalars_or_named(value: object, text: str) -> None:
    """A mapping or list may hold anything, so it is named and never printed."""
    assert shown(value) == text
