"""Packages for Node by npm, resolved once and kept, as `servers/jars.py` does with jars."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.real.servers.jars import exclusive
from tests.real.servers.tools import program, tell

_PATIENCE = 300
_QUIET = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error")


class UnresolvedPackagesError(RuntimeError):
    """npm could not fetch the packages; the message closes with what it said."""


def installed(manifest: Path, *, into: Path) -> Path:
    """The folder with `node_modules` of what `manifest` names, fetched when it is not there yet.

    Args:
        manifest: A package.json with exact versions.
        into: Folder that holds one `node-<hash>` folder per state of the manifest.

    Raises:
        MissingToolError: there is no npm.
        UnresolvedPackagesError: npm failed or took more than five minutes.
    """
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]
    wanted = into.resolve() / f"node-{digest}"
    if not wanted.exists():
        npm = program("npm")
        with exclusive(into):
            if not wanted.exists():
                _install(str(npm), manifest, wanted)
    return wanted


def _install(npm: str, manifest: Path, wanted: Path) -> None:
    unfinished = wanted.with_name(f"{wanted.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    shutil.copy(manifest, unfinished / "package.json")
    tell(
        [npm, "install", *_QUIET],
        aim=f"fetch what {manifest} names",
        patience=_PATIENCE,
        error=UnresolvedPackagesError,
        cwd=unfinished,
    )
    unfinished.rename(wanted)
