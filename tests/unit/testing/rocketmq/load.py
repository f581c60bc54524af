"""How fast the emulator is: `python -m tests.unit.testing.rocketmq.load`.

Eight receivers take messages of 1 KiB in batches of 32 and acknowledge each batch with one request,
all signed, over one connection; the topic is filled by the remote control before. It prints
messages a second as seen from here, and messages per second of CPU time of the emulator, which is
what is left when nothing else wants a core.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from tests.unit.testing.rocketmq.speaking import Speaker

from eventing_alibaba.testing.emulators.rocketmq import EmulatorProcess

RECEIVERS = 8
BODY = "x" * 1024


async def main(count: int) -> None:
    """Measure with `count` messages."""
    with EmulatorProcess(topics=["load"]) as emulator:
        pid = emulator.pid or 0
        for _ in range(0, count, 4000):
            emulator.send("load", [BODY] * 4000)
        async with Speaker(emulator.endpoints) as speaker:
            await speaker.introduce("load")
            began, used, own = time.perf_counter(), _cpu(pid), time.process_time()
            async with asyncio.TaskGroup() as group:
                takers = [group.create_task(_take(speaker)) for _ in range(RECEIVERS)]
            wall, used = time.perf_counter() - began - 5, _cpu(pid) - used
            own = time.process_time() - own
        moved = sum(taker.result() for taker in takers)
        rates = moved / wall, moved / used, moved / own
        words = (
            "received and acknowledged: {:,.0f}/s, {:,.0f} per CPU second of the emulator, "
            "{:,.0f} of the client\n"
        )
        sys.stdout.write(words.format(rates[0], rates[1], rates[2]))
        assert emulator.counts("load", "g")["acked"] == moved


async def _take(speaker: Speaker) -> int:
    """Return how many messages there were, until a poll of five seconds brings none."""
    moved = 0
    while messages := await speaker.receive("load"):
        await speaker.ack("load", messages)
        moved += len(messages)
    return moved


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000))
