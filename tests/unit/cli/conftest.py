from __future__ import annotations

import logging
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.runtime.parcel import install

from eventing_alibaba.runtime.environment import Settings

Runs = list[Settings]


@pytest.fixture
def parcel(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the kind `ParcelSource`; return the directory of its package."""
    directory = tmp_path_factory.mktemp("site")
    install(directory, monkeypatch)
    return directory


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Take the place of the run itself; return the settings it was called with."""
    calls: Runs = []

    def run(settings: Settings) -> int:
        calls.append(settings)
        return 0

    replace_run(monkeypatch, run)
    return calls


def replace_run(monkeypatch: pytest.MonkeyPatch, run: Callable[[Settings], int]) -> None:
    """Make `run` what the command calls."""
    module = types.ModuleType("eventing_alibaba.runtime.run")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture(autouse=True)
def _untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the machine's own variables and the root logger out of the tests."""
    for name in ("K_SINK", "K_SOURCE_CONFIG", "K_CE_OVERRIDES", "NAME", "NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVENTING_ALIBABA_TERMINATION_LOG", "/nonexistent/termination-log")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
