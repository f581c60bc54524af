"""`eventing-alibaba explain`: kinds, fields, and what was probably meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from eventing_alibaba.cli.explain.fields import Field, find, tree, walk
from eventing_alibaba.cli.main import main
from eventing_alibaba.contract.fields import by_alias
from eventing_alibaba.runtime import kinds, manifest

KINDS = kinds.installed()


def explained(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["explain", *argv]) == 0
    return capsys.readouterr().out


def test_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its purpose."""
    text = explained(capsys)
    for kind in KINDS:
        assert f"\n  {kind} " in text
    assert "Records of Kafka topics, delivered as CloudEvents." in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_begins_with_a_manifest_that_is_valid(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    """What people copy can be run as it stands."""
    text = explained(capsys, kind)
    example = text.partition("A MANIFEST TO BEGIN WITH\n")[2].partition("\n\n")[0]
    path = tmp_path / "source.yaml"
    path.write_text(example)
    found = manifest.load(path)
    assert (found.kind, found.warnings) == (kind, ())
    assert found.spec.sink is not None
    for name in by_alias(kinds.spec_of(kind)):
        assert f"\n  {name} <" in text


def test_one_field(capsys: pytest.CaptureFixture[str]) -> None:
    """Type, default, limits, text and an example where it stands."""
    assert explained(capsys, "AliKafkaSource.delivery.retry").splitlines() == [
        "KIND      AliKafkaSource (sources.eventing-alibaba.dev/v1alpha1)",
        "FIELD     spec.delivery.retry",
        "TYPE      whole number",
        "DEFAULT   10",
        "LIMITS    0 to 1000000",
        "",
        "Attempts after the first one, before an event is exhausted.",
        "",
        "EXAMPLE",
        "  spec:",
        "    delivery:",
        "      retry: 10",
    ]


@pytest.mark.parametrize(
    "path",
    ["AliKafkaSource.spec.net.tls", "alikafkasource.net.tls", "AliKafkaSources.net.tls"],
)
def test_ways_to_write_a_path(capsys: pytest.CaptureFixture[str], path: str) -> None:
    """With `spec` or without, plural and in any case, as kubectl takes it."""
    text = explained(capsys, path)
    assert "FIELD     spec.net.tls\n" in text
    assert "  caCert <secret>" in text


@pytest.mark.parametrize(
    "path", ["sinkAuth.headers.value", "sinkAuth.headers[].value", "sinkAuth.headers[0].value"]
)
def test_fields_of_list_items(capsys: pytest.CaptureFixture[str], path: str) -> None:
    """With brackets or without; the example has the list."""
    text = explained(capsys, f"AliKafkaSource.{path}")
    example = yaml.safe_load(text.partition("EXAMPLE\n")[2].partition("\n\n")[0])
    assert list(example["spec"]["sinkAuth"]["headers"][0]) == ["value"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (
            "AliKafkaSource.delivery.retrys",
            "spec.delivery.retrys: is no field of spec.delivery; did you mean `retry`?",
        ),
        (
            "AliKafkaSource.timeout",
            "spec.timeout: is no field of spec; there is spec.delivery.timeout",
        ),
        ("AliKafkaSource.net.xyz", "is no field of spec.net, which has `sasl`, `tls`"),
        ("AliKafkaSource.paused.xyz", "spec.paused, which is true or false and has no fields"),
        ("KafkaSource", "kind KafkaSource is not installed; did you mean AliKafkaSource?"),
    ],
)
def test_what_was_probably_meant(capsys: pytest.CaptureFixture[str], what: str, said: str) -> None:
    """A sentence with the nearest name, and exit code 2."""
    assert main(["explain", what]) == 2
    assert said in capsys.readouterr().err


def test_recursive_is_an_outline(capsys: pytest.CaptureFixture[str]) -> None:
    """Every field below, a line each."""
    lines = explained(capsys, "AliKafkaSource", "--recursive").splitlines()
    root = tree(kinds.spec_of("AliKafkaSource"))
    assert len(lines) == 1 + len(list(walk(root)))
    assert "  bootstrapServers <list of text> required" in lines
    assert "      password <secret>" in lines


def _models() -> list[tuple[str, type[BaseModel]]]:
    found: dict[type[BaseModel], str] = {}

    def collect(model: type[BaseModel]) -> None:
        if model in found:
            return
        found[model] = model.__name__
        for field in model.model_fields.values():
            for part in _parts(field.annotation):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    collect(part)

    for kind in KINDS:
        collect(kinds.spec_of(kind))
    return [(name, model) for model, name in found.items()]


def _parts(annotation: Any) -> list[Any]:
    inner = getattr(annotation, "__args__", ())
    return [annotation, *(part for one in inner for part in _parts(one))]


@pytest.mark.parametrize(("name", "model"), _models(), ids=lambda value: str(value)[:30])
def test_every_example_is_accepted(name: str, model: type[BaseModel]) -> None:
    """What is shown for a field is a value that the field takes."""
    root = tree(model)
    for alias in by_alias(model):
        example = find(root, alias).example
        if example is None:
            continue
        # What else a manifest needs is not this field's affair.
        wrong = _wrong(model, {alias: example})
        assert [one for one in wrong if one["loc"][:1] == (alias,)] == []


def _wrong(model: type[BaseModel], manifest: dict[str, Any]) -> list[Any]:
    try:
        model.model_validate(manifest)
    except ValidationError as error:
        return list(error.errors())
    return []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_told(kind: str) -> None:
    """None is without a type, a description or a path of its own."""
    fields: list[Field] = list(walk(tree(kinds.spec_of(kind))))
    assert len({field.path for field in fields}) == len(fields)
    assert len(fields) > 40
    for field in fields:
        assert field.type, field.path
        assert field.description or field.fields, field.path
