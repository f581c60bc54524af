"""What the sink could take: `wrk` posts to it from the forwarders' core, as fast as C can.

A forwarder that comes near this figure is held up by the sink and no longer by itself.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from benchmarks.cores import pinned
from tests.real.servers.tools import program

_SCRIPT = Path(__file__).resolve().parent / "sinks" / "post.lua"


def posts_per_second(url: str, *, connections: int, core: int, seconds: int = 3) -> float:
    """Post to `url` over so many connections for some seconds, from one thread on one core.

    Raises:
        RuntimeError: `wrk` failed or the sink did not answer everything with 2xx.
    """
    command = [str(program("wrk")), "-t1", f"-c{connections}", f"-d{seconds}s"]
    with pinned({core}):
        done = subprocess.run(
            [*command, "-s", str(_SCRIPT), url],
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds + 30,
        )
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if done.returncode != 0 or found is None or "Non-2xx" in done.stdout:
        msg = f"wrk could not measure {url}: {done.stdout}{done.stderr}"
        raise RuntimeError(msg)
    return float(found[1])
