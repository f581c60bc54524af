"""`run -f` reads one source from a file, and says in a sentence why it cannot."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from eventing_alibaba.contract.errors import Misconfigured
from eventing_alibaba.runtime.manifest import MOST_BYTES, Manifest, load

pytestmark = pytest.mark.usefixtures("parcel")

SOURCE = """\
apiVersion: sources.eventing-alibaba.dev/v1alpha1
kind: ParcelSource
metadata:
  name: parcels
spec:
  depot: north
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: post
data:
  password: aHVudGVy
    Mg==
  user: bWU=
stringData:
  user: you
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"


@pytest.fixture
def read(tmp_path: Path) -> Path:
    """Return where `manifest` writes."""
    return tmp_path / "source.yaml"


def manifest(path: Path, *texts: str, name: str | None = None) -> Manifest:
    """Load a file of these documents."""
    path.write_text("---\n".join(texts))
    return load(path, name=name)


def refused(path: Path, *texts: str) -> str:
    """Return why a file of these documents is refused, without the file's name."""
    with pytest.raises(Misconfigured) as caught:
        manifest(path, *texts)
    assert str(caught.value).startswith(str(path))
    return str(caught.value).removeprefix(str(path)).lstrip(":").strip()


def test_a_source_is_read(read: Path) -> None:
    """Kind, name and spec; no namespace and uid where none are written."""
    found = manifest(read, SOURCE)
    assert (found.kind, found.name, found.namespace, found.uid) == (
        "ParcelSource",
        "parcels",
        None,
        None,
    )
    assert found.spec.model_dump()["depot"] == "north"
    assert found.origin == str(read)
    assert found.warnings == ()


def test_what_kubectl_prints_is_a_manifest(read: Path) -> None:
    """`kubectl get -o yaml` adds a status and metadata of its own."""
    text = SOURCE.replace(
        "  name: parcels\n",
        "  name: parcels\n  namespace: post\n  uid: u-1\n  generation: 3\n  labels: {a: b}\n"
        "  creationTimestamp: '2026-01-01T00:00:00Z'\n  managedFields: [{manager: kubectl}]\n",
    )
    found = manifest(read, text + "status: {conditions: []}\n")
    assert (found.namespace, found.uid) == ("post", "u-1")


def test_secrets_beside_the_source_are_collected(read: Path) -> None:
    """`data` is base64, folded lines included; `stringData` goes over it."""
    found = manifest(read, SECRET, SOURCE, SERVICE)
    assert found.secrets == {"post": {"password": b"hunter2", "user": b"you"}}


def test_secrets_are_not_in_the_repr(read: Path) -> None:
    """A manifest may be logged."""
    assert "hunter2" not in repr(manifest(read, SOURCE, SECRET))


def test_secrets_of_another_namespace_are_not_the_sources(read: Path) -> None:
    """In the cluster they would not be found either."""
    source = SOURCE.replace("name: parcels", "name: parcels\n  namespace: a")
    other = SECRET.replace("name: post", "name: post\n  namespace: b")
    assert manifest(read, source, other).secrets == {}
    same = SECRET.replace("name: post", "name: post\n  namespace: a")
    assert set(manifest(read, source, same).secrets) == {"post"}
    assert set(manifest(read, source, SECRET).secrets) == {"post"}


def test_a_name_may_come_from_outside(read: Path) -> None:
    """Knative's NAME names an object that has none."""
    unnamed = SOURCE.replace("metadata:\n  name: parcels\n", "")
    assert manifest(read, unnamed, name="outside").name == "outside"
    assert manifest(read, SOURCE, name="outside").name == "parcels"
    assert refused(read, unnamed) == "metadata.name: is required"


def test_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-f -` reads what another program writes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SOURCE.encode())))
    found = load("-")
    assert (found.name, found.origin) == ("parcels", "standard input")


def test_a_byte_order_mark_is_passed_over(read: Path) -> None:
    """Windows editors write one."""
    read.write_bytes(b"\xef\xbb\xbf" + SOURCE.encode())
    assert load(read).name == "parcels"


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (("",), "is empty; it must hold a source object"),
        (("# nothing\n",), "is empty; it must hold a source object"),
        (("just text\n",), ", line 1: must be a mapping with apiVersion, kind, metadata and spec"),
        ((SOURCE, "- 1\n"), ", line 8: must be a mapping with apiVersion, kind, metadata and spec"),
        (
            (SOURCE, SOURCE),
            (
                "holds 2 sources (ParcelSource in line 1, ParcelSource in line 8); one process "
                "runs one, so give each a file"
            ),
        ),
        (
            (SOURCE.replace("ParcelSource", "ParcelsSource"),),
            "kind ParcelsSource is not installed; did you mean ParcelSource?",
        ),
        (
            (SOURCE.replace("v1alpha1", "v1"),),
            (
                ", line 1: apiVersion 'sources.eventing-alibaba.dev/v1' of kind ParcelSource is "
                "not understood; must be `sources.eventing-alibaba.dev/v1alpha1`"
            ),
        ),
        (
            (SOURCE.replace("sources.eventing-alibaba.dev/v1alpha1", "v1"),),
            (
                ", line 1: apiVersion 'v1' of kind ParcelSource is not understood; must be "
                "`sources.eventing-alibaba.dev/v1alpha1`"
            ),
        ),
        ((SOURCE.split("\n", 1)[1],), ", line 1: apiVersion: is required"),
        ((SOURCE.replace("kind: Parcel", "kinds: Parcel"),), ", line 1: kind: is required"),
        (
            (SOURCE + "specs: {}\n",),
            ", line 1: specs: is no field of the object; did you mean `spec`?",
        ),
        (
            (SOURCE.replace("parcels", "Parcels"),),
            (
                ", line 1: metadata.name: 'Parcels' must be made of lower-case letters, digits, "
                "`-` and `.`, with a letter or digit first and last"
            ),
        ),
        ((SOURCE.replace("parcels", "5"),), ", line 1: metadata.name: must be text: put it in"),
        ((SOURCE.replace("depot", "dept"),), "spec.depot: is required"),
        ((SOURCE.replace("  depot: north\n", ""),), "spec.depot: is required"),
        ((SOURCE + "    tab:\n",), ", line 7, column "),
        (
            (SOURCE, SECRET.replace("aHVudGVy", "h*nter2!")),
            ", line 8: Secret `post`: data.password is no base64; plain text goes under stringData",
        ),
        (
            (SOURCE, SECRET.replace("user: you", "pin: 1234")),
            ", line 8: Secret `post`: stringData.pin must be text: put it in quotes",
        ),
        (
            (SOURCE, "kind: Secret\ndata: [a]\nmetadata: {name: b}\n"),
            ", line 8: Secret `b`: data must be a mapping of keys to text",
        ),
        ((SOURCE, "kind: Secret\nmetadata: x\n"), ", line 8: metadata.name: is required, as text"),
        ((SOURCE, SECRET, SECRET), ", line 19: Secret `post` is in the file twice"),
    ],
)
def test_a_file_that_is_no_manifest_says_why(
    read: Path, texts: tuple[str, ...], sentence: str
) -> None:
    """File, line and what to write instead."""
    assert refused(read, *texts).startswith(sentence.lstrip(":"))


def test_a_file_without_a_source_says_what_it_has(read: Path) -> None:
    """And which kinds there are."""
    sentence = refused(read, SERVICE, SECRET)
    assert sentence.startswith("holds no source but Secret, Service; a source is of the kind ")
    assert "ParcelSource" in sentence


def test_each_problem_of_the_spec_is_a_line_with_the_files_name(read: Path) -> None:
    """Editors jump to what begins with a file."""
    with pytest.raises(Misconfigured) as caught:
        manifest(read, SOURCE.replace("depot: north", "depot: 5\n  flow: {maxBytes: 1}"))
    assert str(caught.value).splitlines() == [
        f"{read}: spec.flow.maxBytes: 1 is too small; must be at least 65536",
        f"{read}: spec.depot: must be text: put it in quotes; got 5",
    ]


def test_a_secret_of_the_file_is_in_no_error(read: Path) -> None:
    """A broken Secret is named, its values are not."""
    assert "h*nter2" not in refused(read, SOURCE, SECRET.replace("aHVudGVy", "h*nter2!"))


@pytest.mark.parametrize("number", [5, True, None, [1]])
def test_a_kind_that_is_no_text_is_no_source(read: Path, number: object) -> None:
    """Whatever stands under `kind`, there is a sentence."""
    assert refused(read, SOURCE.replace("kind: ParcelSource", f"kind: {number}"))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Missing, a directory, no text, a name that cannot be one, too large, a device."""
    cases = {
        tmp_path / "none.yaml": "there is no such file",
        tmp_path: "is a directory; give one file of it",
        tmp_path / "a\0b": "cannot be read: its name cannot be one",
        Path("/dev/zero"): "is no file to read a manifest from",
    }
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    cases[large] = f"is larger than {MOST_BYTES} bytes; no manifest is"
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"ab\xff")
    cases[binary] = "byte 3 is no UTF-8 text"
    for path, sentence in cases.items():
        with pytest.raises(Misconfigured) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {sentence}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_must_not_be_read_says_so(tmp_path: Path) -> None:
    """The permission is named."""
    path = tmp_path / "source.yaml"
    path.touch(mode=0)
    with pytest.raises(Misconfigured, match="cannot be read: Permission denied"):
        load(path)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """`run -f <(helm template ...)` gives the name of a pipe."""
    ends = os.pipe()
    os.write(ends[1], SOURCE.encode())
    os.close(ends[1])
    try:
        assert load(f"/dev/fd/{ends[0]}").name == "parcels"
    finally:
        os.close(ends[0])
