"""An environment for Python, built once and kept, as `servers/jars.py` does with jars."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tests.real.servers.jars import exclusive
from tests.real.servers.tools import tell

_PATIENCE = 300


class UnresolvedRequirementsError(RuntimeError):
    """pip could not fetch the packages; the message closes with what it said."""


def python_with(requirements: Path, *, into: Path) -> Path:
    """The interpreter of an environment that has `requirements`, made when it is not there yet.

    Args:
        requirements: A requirements file with exact versions.
        into: Folder that holds one `python-<hash>` folder per state of the file and interpreter.

    Raises:
        UnresolvedRequirementsError: pip failed or took more than five minutes.
    """
    state = requirements.read_bytes() + sys.version.encode()
    wanted = into.resolve() / f"python-{hashlib.sha256(state).hexdigest()[:12]}"
    done = wanted / "done"
    if not done.exists():
        with exclusive(into):
            if not done.exists():
                _build(requirements, wanted)
                done.touch()
    return wanted / "bin" / "python"


def _build(requirements: Path, wanted: Path) -> None:
    # An environment cannot be moved when it is built, so a mark in it says that it is whole.
    shutil.rmtree(wanted, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(wanted)],
        [str(wanted / "bin" / "pip"), "install", "-q", "--prefer-binary", "-r", str(requirements)],
    ):
        tell(
            command,
            aim=f"install what {requirements} names",
            patience=_PATIENCE,
            error=UnresolvedRequirementsError,
        )
