"""Jars by Maven, resolved once and kept: a folder that is either complete or not there.

Maven writes into a folder of its own beside the wanted one, which is renamed when Maven is done, so
nobody ever sees half of a class path. Its name carries a hash of the pom: a changed pom is another
folder. A lock file lets runs that start at the same time (two test workers, a benchmark beside the
tests) wait for the first one instead of fetching the same jars into the same place.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.servers.tools import program, tell

CACHE = Path(__file__).resolve().parent.parent / ".cache"
"""Everything fetched or built for real servers; not in version control."""

_PATIENCE = 600
_MAVEN = ("--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never")


class UnresolvedJarsError(RuntimeError):
    """Maven could not fetch the jars; the message closes with what it said."""


def class_path(pom: Path, *, into: Path) -> str:
    """The class path of what `pom` depends on, fetched below `into` when it is not there yet.

    Args:
        pom: A Maven project file; only its runtime dependencies matter.
        into: Folder that holds one `lib-<hash>` folder per state of the pom.

    Raises:
        MissingToolError: there is no Maven.
        UnresolvedJarsError: Maven failed or took more than ten minutes.
    """
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    wanted = into.resolve() / f"lib-{digest}"  # Maven takes a relative path as the pom's
    if not wanted.exists():
        maven = program("mvn")
        with exclusive(into):
            if not wanted.exists():
                _resolve(str(maven), pom, wanted)
    return f"{wanted}/*"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, waiting for whoever holds it; the folder is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _resolve(maven: str, pom: Path, wanted: Path) -> None:
    unfinished = wanted.with_name(f"{wanted.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    command = [maven, *_MAVEN, "-f", str(pom), *goal, f"-DoutputDirectory={unfinished}"]
    tell(
        command,
        aim=f"fetch what {pom} names",
        patience=_PATIENCE,
        error=UnresolvedJarsError,
    )
    unfinished.rename(wanted)


if __name__ == "__main__":  # fetch ahead: python -m tests.real.servers.jars POM FOLDER
    class_path(Path(sys.argv[1]), into=Path(sys.argv[2]))
