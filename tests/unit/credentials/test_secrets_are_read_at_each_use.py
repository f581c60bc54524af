"""A reference becomes the value that is there at that moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventing_alibaba.contract.errors import Unauthorized
from eventing_alibaba.contract.spec import SecretKeyRef, SecretReference
from eventing_alibaba.credentials.reference import SecretResolver

FIELD = "spec.net.sasl.password"


def key(name: str = "kafka", key: str = "password") -> SecretReference:
    """Return a reference to a key of a Secret."""
    return SecretReference(secret_key_ref=SecretKeyRef(name=name, key=key))


def put(directory: Path, value: str | bytes, name: str = "kafka", key: str = "password") -> Path:
    """Write a value where a mount would have it."""
    file = directory / name / key
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(value.encode() if isinstance(value, str) else value)
    return file


def test_a_key_of_a_secret_is_a_file_in_a_directory(tmp_path: Path) -> None:
    """`secretKeyRef` is `<directory>/<name>/<key>`."""
    put(tmp_path, "hunter2")
    assert SecretResolver(tmp_path).read(key(), field=FIELD) == "hunter2"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    """Rotation needs no restart."""
    resolver = SecretResolver(tmp_path)
    put(tmp_path, "old")
    assert resolver.read(key(), field=FIELD) == "old"
    put(tmp_path, "new")
    assert resolver.read(key(), field=FIELD) == "new"


def test_a_kubelet_mount_is_read_through_its_links(tmp_path: Path) -> None:
    """The kubelet swaps the link `..data`; what it points to now is the value."""
    mount = tmp_path / "kafka"
    for version in ("one", "two"):
        (mount / f"..{version}").mkdir(parents=True)
        (mount / f"..{version}" / "password").write_text(version)
    (mount / "..data").symlink_to("..one")
    (mount / "password").symlink_to("..data/password")
    resolver = SecretResolver(tmp_path)
    assert resolver.read(key(), field=FIELD) == "one"
    (mount / "..data").unlink()
    (mount / "..data").symlink_to("..two")
    assert resolver.read(key(), field=FIELD) == "two"


def test_a_secret_of_the_manifest_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    """A `kind: Secret` document is found without a directory, and beside one that lacks it."""
    documents = {"kafka": {"password": b"hunter2"}}
    assert SecretResolver(None, documents).read(key(), field=FIELD) == "hunter2"
    assert SecretResolver(tmp_path, documents).read(key(), field=FIELD) == "hunter2"


def test_the_directory_goes_before_the_manifest(tmp_path: Path) -> None:
    """What is mounted, or given with `--secrets`, is the deployment's word."""
    put(tmp_path, "mounted")
    resolver = SecretResolver(tmp_path, {"kafka": {"password": b"written"}})
    assert resolver.read(key(), field=FIELD) == "mounted"


def test_standalone_forms_are_read(tmp_path: Path) -> None:
    """`value`, `env` and `file` need no Secret; a file may be relative to the home directory."""
    file = tmp_path / "password"
    file.write_text("from file\n")
    resolver = SecretResolver(environ={"PASSWORD": "from env"})
    assert resolver.read(SecretReference(value="as is\n"), field=FIELD) == "as is\n"
    assert resolver.read(SecretReference(value=""), field=FIELD) == ""
    assert resolver.read(SecretReference(env="PASSWORD"), field=FIELD) == "from env"
    assert resolver.read(SecretReference(file=str(file)), field=FIELD) == "from file"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver made without an environment reads the process's, as it is then."""
    resolver = SecretResolver()
    monkeypatch.setenv("A_PASSWORD", "late")
    assert resolver.read(SecretReference(env="A_PASSWORD"), field=FIELD) == "late"


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ("a", "a"),
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        ("a\r", "a\r"),
        (" a ", " a "),
        ("\na", "\na"),
    ],
)
def test_one_trailing_line_break_is_taken_off(tmp_path: Path, stored: str, value: str) -> None:
    """What an editor adds at the end is no part of a password; everything else is."""
    put(tmp_path, stored)
    assert SecretResolver(tmp_path).read(key(), field=FIELD) == value
    resolver = SecretResolver(None, {"kafka": {"password": stored.encode()}})
    assert resolver.read(key(), field=FIELD) == value


def test_no_value_is_in_the_repr(tmp_path: Path) -> None:
    """A resolver may be logged."""
    resolver = SecretResolver(tmp_path, {"kafka": {"password": b"hunter2"}}, {"A": "hunter2"})
    assert "hunter2" not in repr(resolver)
    assert "kafka" in repr(resolver)


def test_a_reference_made_without_validation_is_refused() -> None:
    """Even a reference to nowhere is an answer in words."""
    with pytest.raises(Unauthorized, match="says nowhere to read from"):
        SecretResolver().read(SecretReference.model_construct(), field=FIELD)
