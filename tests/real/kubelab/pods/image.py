"""What an image brings that its pod does not say: programs, and paths baked into them.

A process on this machine has neither a file system nor a network of its own. What its manifest says
is moved by the runner: a path below a mount becomes one below the folder that plays the volume. A
path that only the program knows can be moved only through the program's own settings, which is why
they are named here, and only here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from eventing_alibaba.runtime import names


@dataclass(frozen=True, slots=True)
class Image:
    """An image that runs as a process here.

    Attributes:
        programs: folder in which `command` is looked for.
        entrypoint: what runs where a container names no command.
        paths: path that is baked in, to the variable that moves it.
        address: the variable with the address to listen on.
    """

    programs: Path
    entrypoint: tuple[str, ...]
    paths: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


ADAPTER: Final = Image(
    programs=Path(sys.executable).parent,
    entrypoint=("eventing-alibaba", "run"),
    paths={
        names.DEFAULT_TOKEN_FILE: names.TOKEN_FILE,
        names.DEFAULT_TERMINATION_LOG: names.TERMINATION_LOG,
    },
    address=names.HOST,
)
"""The adapter, as it is installed here."""
