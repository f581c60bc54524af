"""Runs `eventing-alibaba` with the arguments given, and ends it when standard input ends.

The demo holds the other end of that pipe and never writes to it. When it is killed, the kernel
closes the pipe. The broker has ended with the demo, so there is nobody left to whom the adapter
could commit anything: it ends at once instead of waiting for an answer.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

from eventing_alibaba.cli.main import main

_STANDARD_INPUT: Final = 0


def _watch() -> None:
    while os.read(_STANDARD_INPUT, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_watch, name="tether", daemon=True).start()
    sys.exit(main())
