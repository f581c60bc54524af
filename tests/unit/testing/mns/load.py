"""How fast the emulator is: `python -m tests.unit.testing.mns.load`.

Eight connections send messages of 1 KiB in batches of 16, then receive and delete them in batches
of 16, all signed. It prints messages a second as seen from here, and messages per second of CPU
time of the emulator, which is what is left when nothing else wants a core.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tests.unit.testing.mns.speaking import Speaker, batch, handles

from eventing_alibaba.testing.emulators.mns import EmulatorProcess

CONNECTIONS = 8
BODY = "x" * 1024


async def main(count: int) -> None:
    """Measure with `count` messages."""
    with EmulatorProcess(queues=["load"]) as emulator:
        pid = emulator.pid or 0
        each = count // CONNECTIONS // 16
        for phase in (_send, _take):
            began, used = time.perf_counter(), _cpu(pid)
            async with asyncio.TaskGroup() as group:
                for _ in range(CONNECTIONS):
                    group.create_task(phase(emulator.endpoint, each))
            wall, used = time.perf_counter() - began, _cpu(pid) - used
            moved = each * CONNECTIONS * 16
            name = phase.__name__.strip("_")
            sys.stdout.write(f"{name}: {moved / wall:,.0f}/s, {moved / used:,.0f} per CPU second\n")
        assert not emulator.messages("load")


async def _send(endpoint: str, batches: int) -> None:
    async with Speaker(endpoint) as speaker:
        body = batch(*[BODY] * 16)
        for _ in range(batches):
            assert (await speaker.ask("POST", "/queues/load/messages", body)).status == 201


async def _take(endpoint: str, batches: int) -> None:
    async with Speaker(endpoint) as speaker:
        for _ in range(batches):
            got = await speaker.ask("GET", "/queues/load/messages?numOfMessages=16")
            parts = got.body.split(b"<ReceiptHandle>")[1:]
            found = [part.partition(b"<")[0].decode() for part in parts]
            assert len(found) == 16
            gone = await speaker.ask("DELETE", "/queues/load/messages", handles(*found))
            assert gone.status == 204


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 64_000))
