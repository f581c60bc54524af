"""A package with a kind of source, as a stranger would install it: files on the path."""

from __future__ import annotations

from pathlib import Path

import pytest

MODULE = """
from eventing_alibaba.contract.spec import Context, Model, SecretReference, SourceSpec


class ParcelSpec(SourceSpec):
    depot: str
    password: SecretReference | None = None

    def build(self, context: Context):
        import confluent_parcel  # is not installed
"""


def install(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    kind: str = "ParcelSource",
    module: str | None = None,
    attribute: str = "ParcelSpec",
    source: str = MODULE,
    package: str = "parcel-source",
) -> str:
    """Put a package with one kind on the path; return the module's name, unique to `directory`."""
    name = module or f"{package.replace('-', '_')}_{abs(hash(str(directory)))}"
    (directory / f"{name}.py").write_text(source)
    info = directory / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        "Requires-Dist: pydantic\n"
        'Requires-Dist: confluent-parcel>=2 ; extra == "post"\n'
        "Provides-Extra: post\n"
    )
    (info / "entry_points.txt").write_text(
        f"[eventing_alibaba.sources]\n{kind} = {name}:{attribute}\n"
    )
    monkeypatch.syspath_prepend(directory)
    return name
