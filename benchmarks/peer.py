"""A forwarder to be measured, as its descriptor tells: `benchmarks/peers/NAME.toml`.

A descriptor says how to start a forwarder that reads one topic from its beginning and posts each
record to one URL, at least once. Nothing else is known about it, and ours is described in the same
way as its peers, so none has an advantage that another could not have.

    name              as `--peers` takes it and the results show it
    title             what it is, in a few words
    command           program and arguments
    config_file       name of the file that `config` is written to; left out if it needs none
    config            its content
    maven             a pom below `benchmarks/peers`, for `{jars}`; left out if it needs none
    packages          requirements of a Python environment of its own, for `{own}`; left out if it
                      can live in this one
    batched           true for a forwarder that puts several records into one POST: its records are
                      counted by what its group has committed, and only the case `fast` is run
    fixed_concurrency POSTs at once, for a forwarder that cannot be told; left out if it can
    [env]             environment variables besides the inherited ones

In `command`, `config` and `[env]` these words stand for what a run knows; other braces are left as
they are: {bootstrap} {topic} {group} {sink} {concurrency} {config} (path of the configuration file)
{jars} (class path) {peers} (the folder of descriptors) {bin} and {python} (of this environment)
{own} (Python of its own one).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.servers.jars import class_path, exclusive

PEERS = Path(__file__).resolve().parent / "peers"
_WORK = Path(__file__).resolve().parent / ".work"
_WORDS = re.compile(
    r"\{(bootstrap|topic|group|sink|concurrency|config|jars|peers|bin|python|own)\}",
)


class AbsentPeerError(LookupError):
    """A peer that this machine cannot run; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A forwarder's descriptor."""

    name: str
    title: str
    command: tuple[str, ...]
    config_file: str | None = None
    config: str = ""
    maven: str | None = None
    packages: tuple[str, ...] = ()
    fixed_concurrency: int | None = None
    batched: bool = False
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """What starts a forwarder for one run."""

    command: list[str]
    env: dict[str, str]


def load(name: str) -> Peer:
    """Read the descriptor of a peer.

    Raises:
        AbsentPeerError: there is no such descriptor.
        ValueError: it has a field that is not known or lacks one that is needed.
    """
    path = PEERS / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in PEERS.glob("*.toml")))
        msg = f"there is no peer `{name}`; there are {known}"
        raise AbsentPeerError(msg)
    fields = tomllib.loads(path.read_text())
    try:
        packages = tuple(fields.pop("packages", ()))
        return Peer(**{**fields, "command": tuple(fields["command"]), "packages": packages})
    except (TypeError, KeyError) as error:
        msg = f"{path.name} is not a peer's descriptor: {error}"
        raise ValueError(msg) from error


def prepare(
    peer: Peer,
    *,
    folder: Path,
    bootstrap: str,
    topic: str,
    group: str,
    sink: str,
    concurrency: int,
) -> Start:
    """Fetch what the peer needs, write its configuration into `folder` and fill its command in.

    Raises:
        AbsentPeerError: its program or its packages are not installed, and cannot be.
    """
    known = {
        "bootstrap": bootstrap,
        "topic": topic,
        "group": group,
        "sink": sink,
        "concurrency": str(peer.fixed_concurrency or concurrency),
        "peers": str(PEERS),
        "bin": sysconfig.get_path("scripts"),
        "python": sys.executable,
    }
    if peer.maven is not None:
        known["jars"] = class_path(PEERS / peer.maven, into=_WORK / peer.name)
    if peer.packages:
        known["own"] = _environment(peer)
    if peer.config_file is not None:
        path = folder / peer.config_file
        path.write_text(_filled(peer.config, known))
        known["config"] = str(path)
    command = [_filled(part, known) for part in peer.command]
    if (found := shutil.which(command[0])) is None:
        msg = f"`{peer.name}` cannot be measured: there is no `{command[0]}` here"
        raise AbsentPeerError(msg)
    return Start([found, *command[1:]], {k: _filled(v, known) for k, v in peer.env.items()})


def _environment(peer: Peer) -> str:
    """Return the Python of the peer's own environment, made when it is not there yet."""
    digest = hashlib.sha256("\n".join((sys.version, *peer.packages)).encode()).hexdigest()[:12]
    wanted = _WORK / peer.name / f"venv-{digest}"
    python = wanted / "bin" / "python"
    done = wanted / "complete"
    with exclusive(_WORK / peer.name):
        if not done.exists():
            shutil.rmtree(wanted, ignore_errors=True)
            quiet = ("--quiet", "--disable-pip-version-check")
            for command in (
                [sys.executable, "-m", "venv", str(wanted)],
                [str(python), "-m", "pip", "install", *quiet, *peer.packages],
            ):
                made = subprocess.run(command, check=False, capture_output=True, text=True)
                if made.returncode:
                    said = "\n".join((made.stdout + made.stderr).splitlines()[-10:])
                    raise AbsentPeerError(f"`{peer.name}` lacks {peer.packages}; pip said:\n{said}")
            done.touch()
    return str(python)


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _WORDS.sub(lambda word: known.get(word[1], word[0]), text)
