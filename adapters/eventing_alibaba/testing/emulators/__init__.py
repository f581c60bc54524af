"""Brokers for a laptop: enough of each to run a source against, and to break it on purpose.

An emulator is found by its name in the entry-point group `eventing_alibaba.emulators`; the object
there satisfies `Emulator`, which is all that `eventing-alibaba emulate NAME` knows of it. It
imports its broker client only in `run`, so listing the names needs none of them.
"""

from __future__ import annotations

import argparse
from typing import Protocol


class Emulator(Protocol):
    """One kind of emulator as the command line sees it.

    Attributes:
        name: what it is called by, the entry point's name.
        summary: one line for `--help`.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    @property
    def summary(self) -> str: ...  # noqa: D102 - see above

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options; `--port` is always the port that clients connect to, 0 = a free one."""

    def run(self, args: argparse.Namespace) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code.

        Prints one line of JSON on standard output when clients can connect, with camelCase keys:
        `admin`, the URL of the remote control, and what a manifest needs to point at it
        (`bootstrapServers`, `endpoint`, ...). Trouble is a sentence on standard error and 1.
        """


class EmulatorUnavailableError(RuntimeError):
    """An emulator cannot run here; the text says what to install."""
