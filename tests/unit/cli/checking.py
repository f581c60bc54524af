"""A kind whose broker says what its manifest tells it to, and the command run on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventing_alibaba.cli.main import main

SOURCE = """
import asyncio

from eventing_alibaba.contract import errors
from eventing_alibaba.contract.check import Step
from eventing_alibaba.contract.spec import Model, SourceSpec

closed = []


class ParcelSpec(SourceSpec):
    answers: list[str] = []

    def build(self, context):
        raise NotImplementedError

    async def check(self, context):
        try:
            for answer in self.answers:
                async def ask():
                    kind, _, text = answer.partition(" ")
                    if hasattr(errors, kind):
                        raise getattr(errors, kind)(text)
                    return answer

                yield Step(f"parcel {answer}", ask)
        finally:
            await asyncio.sleep(0)
            closed.append(context.name)
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What `check --json` said."""

    code: int
    document: Mapping[str, Any]

    def step(self, name: str) -> Mapping[str, Any]:
        """The step whose name begins so."""
        (found,) = [step for step in self.document["steps"] if step["name"].startswith(name)]
        return dict(found)


def write(path: Path, spec: Mapping[str, Any], *, kind: str = "ParcelSource") -> Path:
    """Write a manifest; JSON is YAML."""
    document = {
        "apiVersion": "sources.eventing-alibaba.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "parcels"},
        "spec": spec,
    }
    path.write_text(json.dumps(document))
    return path


def check(path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> Told:
    """Run `check --json`."""
    capsys.readouterr()
    code = main(["check", "-f", str(path), "--json", *flags])
    document = json.loads(capsys.readouterr().out)
    assert (document["exitCode"], document["ok"]) == (code, code == 0)
    return Told(code, document)
