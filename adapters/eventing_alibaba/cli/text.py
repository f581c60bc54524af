"""Text between commands and people: what flags may say, and what a terminal may be shown."""

from __future__ import annotations

import argparse
from pathlib import Path


def directory(text: str) -> Path:
    """Read a flag that names a directory."""
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no directory")
    return path


def clean(text: str) -> str:
    """Return text that steers no terminal: ids and names are made by whoever sends messages."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
