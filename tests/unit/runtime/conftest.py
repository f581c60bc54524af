from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.runtime.parcel import install


@pytest.fixture
def parcel(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the kind `ParcelSource`; return the directory of its package."""
    directory = tmp_path_factory.mktemp("site")
    install(directory, monkeypatch)
    return directory
