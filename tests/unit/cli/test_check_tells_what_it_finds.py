"""`eventing-alibaba check`: its order, its lines, its JSON, its exit code."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.cli.checking import SOURCE, check, write
from tests.unit.cli.services import service
from tests.unit.runtime.parcel import install

from eventing_alibaba.cli.main import main


@pytest.fixture(autouse=True)
def module(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """Install the kind; return its directory and its module's name."""
    directory = tmp_path_factory.mktemp("site")
    return directory, install(directory, monkeypatch, source=SOURCE)


@pytest.fixture
def url() -> Iterator[str]:
    """A service with which nothing is wrong."""
    with service() as seen:
        yield seen.url


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([], 0),
        (["fine", "well"], 0),
        (["fine", "Unavailable gone"], 1),
        (["Unauthorized who", "Disconnected away"], 1),
        (["Misconfigured name", "Unavailable gone"], 78),
        (["Unavailable gone", "Misconfigured name"], 78),
    ],
)
def test_the_exit_code_says_what_run_would_do(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    answers: list[str],
    code: int,
) -> None:
    """78 where it would give up, 1 where it would try for ever; every step is asked."""
    path = write(tmp_path / "s.yaml", {"answers": answers, "sink": {"uri": url}})
    told = check(path, capsys)
    assert told.code == code
    assert [step["name"] for step in told.document["steps"]] == [
        "manifest",
        *(f"parcel {answer}" for answer in answers),
        f"sink {url.removesuffix('/events')}",
    ]


def test_a_line_for_each_step(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """How it went, how long it took, what it is; the sentence below what failed."""
    filters = [{"exact": {"type": "x"}}]
    spec = {"answers": ["fine", "Unavailable it is gone"], "sink": {"uri": url}, "filters": filters}
    assert main(["check", "-f", str(write(tmp_path / "s.yaml", spec))]) == 1
    lines = re.sub(r"\d\.\d\d s", "0.00 s", capsys.readouterr().out).splitlines()
    origin = url.removesuffix("/events")
    assert lines == [
        "ok        0.00 s  manifest: ParcelSource default/parcels, 1 filter",
        "ok        0.00 s  parcel fine: fine",
        "failed    0.00 s  parcel Unavailable it is gone: Unavailable",
        "                  it is gone",
        f"ok        0.00 s  sink {origin}: answers OPTIONS with 204",
        "1 of 4 failed: run would try again until it is mended",
    ]


def test_a_terminal_sees_what_is_being_asked(
    tmp_path: Path, url: str, module: tuple[Path, str]
) -> None:
    """The question stands there until its answer takes its place."""
    path = write(tmp_path / "s.yaml", {"answers": ["fine"], "sink": {"uri": url}})
    leading, following = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "eventing_alibaba", "check", "-f", str(path)],
        env=os.environ | {"PYTHONPATH": str(module[0])},
        stdout=following,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(following)
    text = os.read(leading, 65536).decode()
    os.close(leading)
    assert (done.returncode, done.stderr) == (0, b"")
    assert re.search(r"\.\.\. +parcel fine\r\x1b\[Kok +[\d.]+ s  parcel fine: fine\r\n", text)
    assert text.endswith("all is well: run would deliver\r\n")


def test_a_wrong_manifest_is_the_only_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of its problems is told, nothing else is asked, and the code is 78."""
    spec = {"answer": [], "sink": {"uri": "ftp://x/"}, "flow": {"grace": "5s"}}
    told = check(write(tmp_path / "s.yaml", spec), capsys)
    (step,) = told.document["steps"]
    assert (told.code, step["name"]) == (78, "manifest")
    assert "spec.answer: is no field of spec; did you mean `answers`?" in step["message"]
    assert "spec.flow.grace: '5s' is no ISO 8601 duration; write PT5S" in step["message"]


def test_a_wrong_filter_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked."""
    spec = {"sink": {"uri": "http://x/"}, "filters": [{"cesql": "type = "}]}
    told = check(write(tmp_path / "s.yaml", spec), capsys)
    assert told.code == 78
    assert "spec.filters[0]" in told.step("manifest")["message"]


def test_no_manifest_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of this command."""
    assert main(["check"]) == 78
    assert "`check -f FILE`" in capsys.readouterr().out


def test_the_sources_connections_are_closed(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], module: tuple[Path, str]
) -> None:
    """The generator's `finally` runs, also its awaits."""
    check(write(tmp_path / "s.yaml", {"answers": ["fine"], "sink": {"uri": url}}), capsys)
    assert sys.modules[module[1]].closed == ["parcels"]


def test_a_kind_that_cannot_ask_is_told(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sink is asked all the same."""
    install(tmp_path_factory.mktemp("other"), monkeypatch, kind="MuteSource", package="mute-source")
    spec = {"depot": "north", "sink": {"uri": url}}
    told = check(write(tmp_path / "s.yaml", spec, kind="MuteSource"), capsys)
    assert told.code == 0
    assert told.step("broker")["detail"] == "sources of kind MuteSource cannot ask theirs"


def test_a_missing_client_names_the_extra(
    tmp_path: Path,
    url: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `run` does."""
    source = SOURCE.replace(
        "    async def check(self, context):",
        "    def check(self, context):\n        import confluent_parcel\n\n"
        "    async def never(self, context):",
    )
    install(
        tmp_path_factory.mktemp("other"),
        monkeypatch,
        kind="BareSource",
        package="bare-source",
        source=source,
    )
    told = check(write(tmp_path / "s.yaml", {"sink": {"uri": url}}, kind="BareSource"), capsys)
    assert told.code == 78
    assert told.step("broker")["message"].endswith("pip install 'bare-source[post]'")


def test_what_a_terminal_would_obey_is_made_visible(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words of brokers and manifests cannot steer it."""
    spec = {"answers": ["Unavailable \x1b[2Jgone"], "sink": {"uri": url}}
    main(["check", "-f", str(write(tmp_path / "s.yaml", spec))])
    assert "\x1b" not in capsys.readouterr().out
