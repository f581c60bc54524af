"""The page on moving from a KafkaSource: its manifests and its table are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from tests.unit.docs.pages import ROOT, fences

from eventing_alibaba.cli.explain.fields import find, tree, walk
from eventing_alibaba.contract.validation import read
from eventing_alibaba.sources.kafka.spec import AliKafkaSourceSpec

_PAGE: Final = "docs/moving-from-kafkasource.md"
_ROOT: Final = tree(AliKafkaSourceSpec)


def _manifests() -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = (yaml.safe_load(f.text) for f in fences("yaml") if f.page == _PAGE)
    return before, after


def _rows() -> list[tuple[list[str], list[str]]]:
    """The fields named in the first and in the second column of the table."""
    text = (ROOT / _PAGE).read_text(encoding="utf-8")
    table = text.partition("## Field by field")[2].partition("\n\n`delivery`")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| ")][1:]
    return [
        (re.findall(r"`([^`]+)`", old), re.findall(r"`([^`]+)`", new))
        for old, new in rows
        if "---" not in old
    ]


def _leaves(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and "secretKeyRef" not in value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path


def test_every_field_of_the_old_manifest_is_in_the_table() -> None:
    """Whoever looks for a field finds it, itself or what it is in."""
    before, _ = _manifests()
    known = {name for old, _ in _rows() for name in old}
    for leaf in _leaves(before["spec"]):
        parents = [leaf]
        while "." in parents[-1]:
            parents.append(parents[-1].rpartition(".")[0])
        assert known & set(parents), leaf


def test_every_new_field_of_the_table_exists() -> None:
    """By the model."""
    rows = _rows()
    assert len(rows) > 20
    for _, new in rows:
        for path in new:
            assert find(_ROOT, path).path == f"spec.{path}"


def test_the_new_manifest_says_what_the_old_one_said() -> None:
    """Where a field has the same name, it has the same value; what differs is told."""
    before, after = _manifests()
    read(AliKafkaSourceSpec, after["spec"])
    old, new = (dict(_flat(one["spec"])) for one in (before, after))
    different = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    assert different == {"consumers", "keyType", "net.sasl.type"}


def test_the_outline_has_all_fields_that_are_the_same() -> None:
    """Own fields of the kind are all in the table."""
    own = {"bootstrapServers", "topics", "consumerGroup", "initialOffset", "ordering", "keyType"}
    own |= {
        f.path.removeprefix("spec.")
        for f in walk(_ROOT)
        if re.match(r"spec\.net\.\w+\.\w+$", f.path)
    }
    assert own <= {path for _, new in _rows() for path in new}


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and "secretKeyRef" not in value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
