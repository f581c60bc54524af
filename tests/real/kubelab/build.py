"""The control plane's program, built from the Go module proxy and kept by what it was built from.

The modules are pinned in `go.mod` and `go.sum`; nothing of Kubernetes is copied here. From an empty
cache the build takes four to ten minutes of two cores, so it is started early (`python -m
tests.real.kubelab.build` needs nothing but the standard library), runs at low priority, and its
result lies in a folder named by a hash of everything that goes into it. Whoever comes while it is
being built waits for it.

The linker is told the version, since a server without one reports a placeholder, which clients
refuse to compare with theirs. `GOGC=off` saves a fifth of the compiler's time; no single compile
needs more than about 2 GB.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.real.servers.jars import CACHE, exclusive
from tests.real.servers.tools import HOW_TO_INSTALL, MissingToolError, program, tell

VERSION: Final = "v1.34.4"
"""Of Kubernetes; the same as in go.mod."""

_HERE: Final = Path(__file__).resolve().parent
_FOLDER: Final = CACHE / "kubelab"
_INSTALLED: Final = CACHE / "go" / "go" / "bin" / "go"
"""Where tests/real/install.sh puts Go on a machine that has none, or an old one."""
_OLDEST: Final = (1, 24)
_PATIENCE: Final = 40 * 60
_MAJOR, _MINOR, _ = VERSION.removeprefix("v").split(".")
_LINK: Final = " ".join(
    [
        "-s -w",
        f"-X k8s.io/component-base/version.gitVersion={VERSION}",
        f"-X k8s.io/component-base/version.gitMajor={_MAJOR}",
        f"-X k8s.io/component-base/version.gitMinor={_MINOR}",
        "-X k8s.io/component-base/version.gitTreeState=clean",
        f"-X k8s.io/client-go/pkg/version.gitVersion={VERSION}",
    ]
)


class UnbuiltError(RuntimeError):
    """Go could not build the program; the message closes with what it said."""


def kubelab() -> Path:
    """Return the program, built if it is not there yet.

    Raises:
        MissingToolError: there is no Go on this machine, or one that is too old.
        UnbuiltError: the build failed or took longer than forty minutes.
    """
    go = _go()
    wanted = _FOLDER / _digest(go) / "kubelab"
    if not wanted.exists():
        with exclusive(_FOLDER):
            if not wanted.exists():
                _build(go, wanted)
    return wanted


def _go() -> Path:
    """Go is often unpacked where no PATH leads."""
    for usual in (_INSTALLED, Path("/usr/local/go/bin/go")):
        if usual.exists():
            return usual
    return program("go")


def _digest(go: Path) -> str:
    asked = [str(go), "env", "GOVERSION"]
    done = subprocess.run(
        asked, cwd=_HERE, check=False, capture_output=True, text=True, timeout=300
    )
    version = done.stdout.strip()
    number = re.match(r"go(\d+)\.(\d+)", version)
    if done.returncode != 0 or number is None or tuple(map(int, number.groups())) < _OLDEST:
        msg = f"`{go}` is too old or cannot be used ({version or done.stderr.strip()}): "
        raise MissingToolError(msg + HOW_TO_INSTALL)
    content = hashlib.sha256(version.encode() + _LINK.encode())
    for name in ("main.go", "go.mod", "go.sum"):
        content.update((_HERE / name).read_bytes())
    return content.hexdigest()[:12]


def _build(go: Path, wanted: Path) -> None:
    wanted.parent.mkdir(parents=True, exist_ok=True)
    unfinished = wanted.with_name("kubelab.unfinished")
    command = ["nice", "-n", "5", str(go), "build", "-trimpath", "-mod=readonly"]
    command += ["-ldflags", _LINK, "-o", str(unfinished), "."]
    tell(
        command,
        aim=f"build {_HERE}",
        patience=_PATIENCE,
        error=UnbuiltError,
        cwd=_HERE,
        env={**os.environ, "GOGC": "off", "CGO_ENABLED": "0"},
    )
    unfinished.rename(wanted)


if __name__ == "__main__":  # build ahead
    sys.stdout.write(f"{kubelab()}\n")
