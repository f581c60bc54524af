"""What `pip install` makes is whole: from the sources, as a wheel, and editable.

Each is installed into an environment of its own that sees the packages the project needs, but
neither the project that the tests run nor, where it says so, the clients of the brokers. Nothing is
fetched.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
OFFLINE: Final = ("--no-index", "--no-deps", "--no-build-isolation")
CLIENTS: Final = ("confluent_kafka", "grpc", "defusedxml", "alibabacloud")
KINDS: Final = {
    "AliKafkaSource": "bootstrapServers",
    "MnsSource": "queue",
    "RocketMQSource": "topic",
}
"""What there is to install, with a field of each."""


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Run a command to its end; return all that it printed."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, said
    assert "Traceback" not in said
    return said


def environment(place: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Make an environment with what the project needs; return its directory of commands."""
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    packages = place / "packages"
    packages.mkdir()
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if not found.name.lower().startswith(("eventing_alibaba", "_eventing", *without)):
            (packages / found.name).symlink_to(found)
    (site,) = (place / "venv" / "lib").glob("python*/site-packages")
    (site / "needed.pth").write_text(f"{packages}\n", encoding="utf-8")
    return place / "venv" / "bin"


@pytest.mark.parametrize("way", ["sources", "wheel", "editable"])
def test_each_way_to_install_gives_working_commands(way: str, tmp_path: Path) -> None:
    """Both commands, all kinds, and the page of the demo are there."""
    commands = environment(tmp_path)
    what: tuple[str, ...] = (str(ROOT),)
    if way == "wheel":
        run(*PIP, "wheel", *OFFLINE, "--wheel-dir", tmp_path, ROOT, cwd=tmp_path)
        (wheel,) = tmp_path.glob("eventing_alibaba-*.whl")
        what = (str(wheel),)
    elif way == "editable":
        what = ("--editable", str(ROOT))
    python = commands / "python"
    run(*PIP, "--python", python, "install", *OFFLINE, *what, cwd=tmp_path)
    place = run(python, "-c", "import eventing_alibaba as e; print(e.__file__)", cwd=tmp_path)
    assert Path(place).is_relative_to(ROOT if way == "editable" else tmp_path)
    assert run(commands / "eventing-alibaba", "--version", cwd=tmp_path).startswith("eventing-")
    for kind, field in KINDS.items():
        assert field in run(commands / "eventing-alibaba", "explain", kind, cwd=tmp_path)
    assert "usage" in run(commands / "eventing-alibaba-operator", "--help", cwd=tmp_path)
    page = "import eventing_alibaba.cli.demo as d, pathlib; p = pathlib.Path(d.__file__).parent"
    parts = "print(sorted(f.name for f in (p / 'page').iterdir()))"
    assert "index.html" in run(python, "-c", f"{page}; {parts}", cwd=tmp_path)


def test_without_the_client_of_a_broker_only_that_broker_is_missing(tmp_path: Path) -> None:
    """The core runs; what a kind needs besides is one sentence that says what to install."""
    commands = environment(tmp_path, without=CLIENTS)
    run(
        *(*PIP, "--python", commands / "python", "install", *OFFLINE, ROOT),
        cwd=tmp_path,
    )
    assert "bootstrapServers" in run(
        commands / "eventing-alibaba", "explain", "AliKafkaSource", cwd=tmp_path
    )
    (tmp_path / "m.yaml").write_text(
        "apiVersion: sources.eventing-alibaba.dev/v1alpha1\nkind: AliKafkaSource\n"
        "metadata: {name: orders}\nspec:\n  bootstrapServers: ['localhost:1']\n"
        "  topics: [orders]\n  sink: {uri: 'http://localhost:1/'}\n",
        encoding="utf-8",
    )
    said = run(
        *(commands / "eventing-alibaba", "run", "-f", "m.yaml", "--port", "0"),
        *("--metrics-port", "0"),
        cwd=tmp_path,
        status=78,
    )
    assert said.endswith("pip install 'eventing-alibaba[kafka]'\n")
