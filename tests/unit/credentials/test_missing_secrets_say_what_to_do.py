"""A secret that cannot be had is one sentence: the field, what is missing where, what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eventing_alibaba.contract.errors import Unauthorized
from eventing_alibaba.contract.spec import SecretKeyRef, SecretReference
from eventing_alibaba.credentials.reference import MOST_BYTES, SecretResolver

FIELD = "spec.net.sasl.password"


def refused(resolver: SecretResolver, reference: SecretReference | None = None) -> tuple[str, str]:
    """Return the sentence, without its field, and the reason."""
    chosen = reference or SecretReference(secret_key_ref=SecretKeyRef(name="kafka", key="password"))
    with pytest.raises(Unauthorized) as caught:
        resolver.read(chosen, field=FIELD)
    field, _, sentence = str(caught.value).partition(": ")
    assert field == FIELD
    return sentence, caught.value.reason


def test_without_a_directory_it_says_how_to_give_one() -> None:
    """Flag, variable and manifest are named."""
    sentence, reason = refused(SecretResolver())
    assert sentence == (
        "Secret `kafka` is not to be found: give the directory that holds kafka/password with "
        "--secrets or EVENTING_ALIBABA_SECRETS, or put the Secret into the manifest"
    )
    assert reason == "SecretMissing"


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mount that was forgotten is not a missing key."""
    sentence, _ = refused(SecretResolver(tmp_path / "none"))
    assert "none, does not exist or is not readable" in sentence


def test_a_missing_secret_names_the_file_it_needs(tmp_path: Path) -> None:
    """Nothing similar is there."""
    sentence, _ = refused(SecretResolver(tmp_path))
    assert sentence.endswith("; it needs the file kafka/password")


def test_a_similar_secret_is_suggested(tmp_path: Path) -> None:
    """A slip in the name is the likely cause."""
    (tmp_path / "kafka1").mkdir()
    sentence, _ = refused(SecretResolver(tmp_path))
    assert sentence.endswith("; did you mean `kafka1`?")


def test_an_empty_secret_is_said_to_be(tmp_path: Path) -> None:
    """The directory is there and has nothing."""
    (tmp_path / "kafka").mkdir()
    sentence, _ = refused(SecretResolver(tmp_path))
    assert "has no key `password`" in sentence
    assert "is empty or not readable" in sentence


def test_a_missing_key_lists_those_there_are(tmp_path: Path) -> None:
    """Names of keys are no secret; a mount's own entries are not keys."""
    (tmp_path / "kafka").mkdir()
    for name in ("user", "ca.crt", "..data"):
        (tmp_path / "kafka" / name).touch()
    sentence, _ = refused(SecretResolver(tmp_path))
    assert sentence == "Secret `kafka` has no key `password`; it has `ca.crt`, `user`"


def test_a_similar_key_is_suggested() -> None:
    """Also among those of a Secret in the manifest."""
    sentence, _ = refused(SecretResolver(None, {"kafka": {"passwort": b"hunter2"}}))
    assert sentence == "Secret `kafka` has no key `password`; did you mean `passwort`?"


@pytest.mark.parametrize(
    ("environ", "end"), [({}, "is not set"), ({"A": ""}, "is empty")], ids=["unset", "empty"]
)
def test_a_missing_variable_is_named(environ: dict[str, str], end: str) -> None:
    """An empty variable is as good as none."""
    sentence, _ = refused(SecretResolver(environ=environ), SecretReference(env="A"))
    assert sentence == f"the environment variable A {end}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is as it was written."""
    path = str(tmp_path / "none")
    sentence, reason = refused(SecretResolver(), SecretReference(file=path))
    assert sentence == f"the file {path} does not exist"
    assert reason == "SecretMissing"


@pytest.mark.parametrize("path", ["a\0b", "~nobody-of-that-name/x"])
def test_a_path_that_cannot_be_one_is_refused(path: str) -> None:
    """A strange path is no traceback."""
    sentence, reason = refused(SecretResolver(), SecretReference(file=path))
    assert "cannot be read" in sentence
    assert reason == "SecretUnreadable"


def write(directory: Path, data: bytes) -> None:
    """Put the value of `kafka/password`."""
    (directory / "kafka").mkdir()
    (directory / "kafka" / "password").write_bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter\xff", "is no UTF-8 text (byte 7 of 7)"),
        (b"x" * (MOST_BYTES + 1), f"is larger than {MOST_BYTES} bytes"),
    ],
    ids=["empty", "line break", "bytes", "large"],
)
def test_a_value_that_cannot_be_one_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """The sentence has nothing of the value."""
    write(tmp_path, data)
    sentence, _ = refused(SecretResolver(tmp_path))
    assert sentence == f"key `password` of Secret `kafka` {said}"


def test_the_largest_value_is_read(tmp_path: Path) -> None:
    """Kubernetes' own bound is included."""
    write(tmp_path, b"x" * MOST_BYTES)
    reference = SecretReference(secret_key_ref=SecretKeyRef(name="kafka", key="password"))
    assert len(SecretResolver(tmp_path).read(reference, field=FIELD)) == MOST_BYTES


def test_a_directory_as_value_is_refused(tmp_path: Path) -> None:
    """Somebody mounted one level too deep."""
    (tmp_path / "kafka" / "password").mkdir(parents=True)
    sentence, reason = refused(SecretResolver(tmp_path))
    assert sentence == "key `password` of Secret `kafka` cannot be read: Is a directory"
    assert reason == "SecretUnreadable"


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """Reading a pipe nobody writes to would hold up the whole process."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sentence, _ = refused(SecretResolver(), SecretReference(file=str(path)))
    assert sentence == f"the file {path} is no plain file"


def test_a_link_out_of_the_directory_is_refused(tmp_path: Path) -> None:
    """A Secret's key must not become a way to read the process's other files."""
    outside = tmp_path / "outside"
    outside.write_text("hunter2")
    secrets = tmp_path / "secrets"
    (secrets / "kafka").mkdir(parents=True)
    (secrets / "kafka" / "password").symlink_to(outside)
    sentence, _ = refused(SecretResolver(secrets))
    assert "is a link that leads out of" in sentence


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    """They are an error of reading, not a traceback."""
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "password").symlink_to("password")
    sentence, _ = refused(SecretResolver(tmp_path))
    assert "cannot be read" in sentence


@pytest.mark.parametrize(
    ("name", "key"), [("kafka", ".."), ("kafka", "."), ("..", "etc"), ("kafka", "../../x")]
)
def test_names_cannot_climb(tmp_path: Path, name: str, key: str) -> None:
    """The model refuses some of these; whoever made the reference, the resolver refuses all."""
    reference = SecretReference.model_construct(
        secret_key_ref=SecretKeyRef.model_construct(name=name, key=key)
    )
    sentence, _ = refused(SecretResolver(tmp_path), reference)
    assert sentence.endswith("is no name of a file")
