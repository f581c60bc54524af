"""The last sentence is where Kubernetes looks for it, if there is such a place."""

from __future__ import annotations

from pathlib import Path

from eventing_alibaba.runtime import termination


def place(path: Path) -> dict[str, str]:
    """Return the environment that names the file."""
    return {"EVENTING_ALIBABA_TERMINATION_LOG": str(path)}


def test_the_sentence_replaces_what_was_there(tmp_path: Path) -> None:
    """An earlier run's words are not this one's."""
    path = tmp_path / "log"
    path.write_text("an earlier and much longer sentence")
    assert termination.say("wrong", place(path))
    assert path.read_text() == "wrong"


def test_no_file_is_made(tmp_path: Path) -> None:
    """Outside of a container there is no such place."""
    path = tmp_path / "log"
    assert not termination.say("wrong", place(path))
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_passed_over(tmp_path: Path) -> None:
    """The exit code still says what it is."""
    assert not termination.say("wrong", place(tmp_path))


def test_it_is_as_long_as_kubernetes_keeps(tmp_path: Path) -> None:
    """More would be cut anyway."""
    path = tmp_path / "log"
    path.touch()
    assert termination.say("x" * 10_000, place(path))
    assert path.stat().st_size == 4096
