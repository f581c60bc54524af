"""A kind is whatever an installed package declares, and what it lacks is said in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.runtime.parcel import MODULE, install

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.contract.spec import SourceSpec
from eventing_alibaba.runtime import kinds


@pytest.mark.usefixtures("parcel")
def test_a_strangers_kind_is_installed_by_its_package() -> None:
    """An entry point is all it takes."""
    assert "ParcelSource" in kinds.installed()
    found = kinds.spec_of("ParcelSource")
    assert issubclass(found, SourceSpec)
    assert "depot" in found.model_fields


def test_an_unknown_kind_lists_the_installed_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the one that was probably meant, if there is one."""
    install(tmp_path, monkeypatch)
    with pytest.raises(Misconfigured, match=r"did you mean ParcelSource\?$") as caught:
        kinds.spec_of("ParcelsSource")
    assert caught.value.reason == "UnknownKind"
    with pytest.raises(
        Misconfigured, match=r"kind Deployment is not installed; installed are .*Par"
    ):
        kinds.spec_of("Deployment")


def test_two_packages_of_one_kind_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which one runs must not depend on the order of a path."""
    for package in ("parcel-one", "parcel-two"):
        directory = tmp_path / package
        directory.mkdir()
        install(directory, monkeypatch, package=package)
    with pytest.raises(Misconfigured, match=r"more than one package.*parcel_one.*parcel_two"):
        kinds.spec_of("ParcelSource")


def test_a_kind_installed_twice_the_same_way_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An editable install may be seen beside a regular one of the same package."""
    for copy in ("one", "two"):
        directory = tmp_path / copy
        directory.mkdir()
        install(directory, monkeypatch, module="parcel_source_of_two_copies")
    assert kinds.spec_of("ParcelSource").__name__ == "ParcelSpec"


@pytest.mark.parametrize(
    ("source", "attribute", "said"),
    [
        ("import confluent_parcel\n", "ParcelSpec", r"pip install 'parcel-source\[post\]'$"),
        ("import quite_unknown\n", "ParcelSpec", "needs the Python module `quite_unknown`"),
        (MODULE, "Missing", "kind ParcelSource is broken: .*Missing"),
        ("ParcelSpec = 5\n", "ParcelSpec", "is broken: .*is no SourceSpec"),
    ],
    ids=["extra", "module", "attribute", "value"],
)
def test_a_kind_that_cannot_be_loaded_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, attribute: str, said: str
) -> None:
    """A missing module leads to the extra that brings it; a defect is called one."""
    install(tmp_path, monkeypatch, source=source, attribute=attribute)
    with pytest.raises(Misconfigured, match=said):
        kinds.spec_of("ParcelSource")


@pytest.mark.usefixtures("parcel")
def test_a_module_missing_at_build_is_led_back_to_its_extra() -> None:
    """The package's metadata knows which extra brings the client."""
    error = ModuleNotFoundError("No module named 'confluent_parcel'", name="confluent_parcel.sub")
    assert kinds.missing("ParcelSource", error) == (
        "kind ParcelSource needs confluent-parcel, which is not installed: "
        "pip install 'parcel-source[post]'"
    )


@pytest.mark.usefixtures("parcel")
def test_an_import_error_without_a_module_keeps_its_words() -> None:
    """A broken binary wheel says more than its name."""
    sentence = kinds.missing("ParcelSource", ImportError("undefined symbol: foo"))
    assert sentence == "kind ParcelSource cannot be loaded: undefined symbol: foo"
