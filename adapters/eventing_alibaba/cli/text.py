"""Between commands and people: flags that several have, and what a terminal may be shown."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_file(parser: argparse.ArgumentParser, what: str = "the source's manifest") -> None:
    """Add the flag for the manifest; `what` it is to this command."""
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help=f"{what}, - for standard input (default: what K_SOURCE_CONFIG holds)",
    )


def add_secrets(parser: argparse.ArgumentParser) -> None:
    """Add the flag for the directory of Secrets."""
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=directory,
        help="directory with a directory for each Secret (default: $EVENTING_ALIBABA_SECRETS)",
    )


def directory(text: str) -> Path:
    """Read a flag that names a directory."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no directory")
    return path


def clean(text: str) -> str:
    """Return text that steers no terminal: ids and names are made by whoever sends messages."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
