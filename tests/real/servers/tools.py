"""The programs that real servers need, found once and named clearly when they are missing.

A machine without Java is a machine where the tests against a real Kafka cannot run, which is no
fault of the code under test: those tests are skipped, with the reason. In continuous integration
(`CI=true`) the same absence is a failure, since a skipped test there is a test nobody runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HOW_TO_INSTALL = "run tests/real/install.sh"

_ADMINISTRATORS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian puts servers, and where a user's PATH does not lead."""


class MissingToolError(LookupError):
    """A program that a real server needs is not on this machine; the message names the cure."""


def program(name: str) -> Path:
    """The path of an installed program, such as `nginx`.

    Raises:
        MissingToolError: it is not on PATH nor where servers are kept.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ADMINISTRATORS])
    if (found := shutil.which(name, path=path)) is None:
        msg = f"`{name}` is not installed on this machine: {HOW_TO_INSTALL}"
        raise MissingToolError(msg)
    return Path(found)


def tell(
    command: Sequence[str],
    *,
    aim: str,
    patience: float,
    error: type[RuntimeError],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run an installed program to its end, such as Maven to "fetch what pom.xml names".

    Args:
        command: the program and its arguments.
        aim: what it should do, after "could not ...".
        patience: seconds that it may take.
        error: what is raised if it fails or takes longer; the message closes with what it said.
        cwd: where it runs.
        env: its environment.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as late:
        msg = f"{name} could not {aim} within {patience / 60:g} minutes"
        raise error(msg) from late
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-20:])
        msg = f"{name} could not {aim}; it said:\n{said}"
        raise error(msg)
