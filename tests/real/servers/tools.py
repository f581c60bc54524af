"""The programs that real servers need, found once and named clearly when they are missing.

A machine without Java is a machine where the tests against a real Kafka cannot run, which is no
fault of the code under test: those tests are skipped, with the reason. In continuous integration
(`CI=true`) the same absence is a failure, since a skipped test there is a test nobody runs.
"""

from __future__ import annotations

import os
import shutil
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
