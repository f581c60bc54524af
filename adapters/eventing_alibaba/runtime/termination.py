"""The last words of a process that gives up, where Kubernetes looks for them.

A container's termination message is how the operator, `kubectl describe` and people learn why a pod
keeps exiting, without logs. Whatever goes wrong here is passed over: the exit code says enough.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eventing_alibaba.runtime import names

_MOST_BYTES: Final = 4096
"""Kubernetes keeps no more of it."""


def say(message: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Leave `message` behind; return whether there was a place for it.

    Only an existing file is written to: outside a container there is none.
    """
    path = Path(environ.get(names.TERMINATION_LOG) or names.DEFAULT_TERMINATION_LOG)
    try:
        with path.open("r+b") as file:
            file.truncate()
            file.write(message.encode(errors="replace")[:_MOST_BYTES])
    except OSError:
        return False
    return True
