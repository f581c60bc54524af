"""The tables of the reference, which are made from the code."""

from __future__ import annotations

import re

import pytest
from docs._ext import tables
from pydantic import BaseModel

from eventing_alibaba.contract.spec import CommonSpec, SecretReference
from eventing_alibaba.runtime import names
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec
from eventing_alibaba.testing.adapter import AdapterProcess, manifest


def _first_cells(table: str) -> list[str]:
    return [line.split("|")[1].strip().strip("`") for line in table.splitlines()[2:]]


@pytest.mark.parametrize("model", [AliKafkaSourceSpec, CommonSpec, SecretReference])
def test_every_field_is_there_and_described(model: type[BaseModel]) -> None:
    """A table of fields names each field of its model once, and no cell of it is a gap."""
    table = tables.fields(model)
    names = _first_cells(table)
    assert len(names) == len(set(names))
    assert {field.alias for field in model.model_fields.values()} <= set(names)
    assert all(line.rstrip("| ") for line in table.splitlines())


def test_a_kind_has_its_own_fields_apart() -> None:
    """Fields that all kinds have are not told again with each kind."""
    own = _first_cells(tables.fields(AliKafkaSourceSpec, beside=CommonSpec))
    assert own[0] == "bootstrapServers"
    assert not set(own) & set(_first_cells(tables.fields(CommonSpec)))


def test_secrets_and_defaults_and_bounds_are_told() -> None:
    """A row says what may be written, what holds without it, and that a secret is one."""
    rows = {
        line.split("|")[1].strip(): line for line in tables.fields(AliKafkaSourceSpec).splitlines()
    }
    assert "[secret](#secrets)" in rows["`net.sasl.password`"]
    assert "`ordered`, `keyed`, `unordered` | `ordered`" in rows["`ordering`"]
    assert "whole number ≥ 1 ≤ 4096 | `256`" in rows["`flow.concurrency`"]
    assert "duration | `PT600S`" in rows["`delivery.timeout`"]
    assert "list of text | required" in rows["`topics`"]


def test_a_field_without_a_description_is_refused() -> None:
    """What its author forgot to describe stops the build and is named."""

    class Silent(BaseModel):
        said: str = "x"

    with pytest.raises(tables.IncompleteError, match="said"):
        tables.fields(Silent)


def test_every_environment_variable_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has all variables of `runtime/names.py`; a new one without a text is refused."""
    assert "K_SINK" in _first_cells(tables.variables())
    monkeypatch.setattr(names, "NEW", "EVENTING_ALIBABA_NEW", raising=False)
    with pytest.raises(tables.IncompleteError, match="EVENTING_ALIBABA_NEW"):
        tables.variables()


def test_the_metrics_are_those_of_an_adapter() -> None:
    """The table has exactly the metrics that a running adapter answers, the process' own apart."""
    spec = {
        "bootstrapServers": ["127.0.0.1:1"],
        "topics": ["none"],
        "sink": {"uri": "http://127.0.0.1:1/"},
    }
    with AdapterProcess(manifest("AliKafkaSource", spec)) as adapter:
        _, text = adapter.get("/metrics")
    told = set(re.findall(r"^# TYPE (eventing_alibaba_\w+)", text, re.MULTILINE))
    assert told == set(_first_cells(tables.metrics()))


def test_help_is_what_the_command_says() -> None:
    """The text of a command is its own, at a width that a page takes."""
    text = tables.help_text("run")
    assert text.startswith("usage: eventing-alibaba run")
    assert max(map(len, text.splitlines())) <= 100
