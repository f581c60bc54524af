"""The forwarder that a Python user writes in an afternoon: aiokafka, aiohttp and a hundred lines.

It is written to be a fair peer, not a strawman: at least once (offsets are committed after each
batch has been accepted), as many POSTs at once as it is told, one session that keeps its
connections, CloudEvents headers in binary mode, and uvloop. What it lacks is what a hundred lines
lack: it waits for the slowest POST of each batch, and a sink's error ends it.

usage: aiokafka_forwarder.py BOOTSTRAP TOPIC GROUP SINK CONCURRENCY
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import aiohttp
import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord


def headers(record: ConsumerRecord) -> dict[str, str]:
    """The CloudEvents attributes of a record, as HTTP headers."""
    time = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    found = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": f"partition:{record.partition}/offset:{record.offset}",
        "ce-source": f"/benchmark#{record.topic}",
        "ce-type": "dev.knative.kafka.event",
        "ce-subject": f"partition:{record.partition}#{record.offset}",
        "ce-time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce-key": (record.key or b"").decode(),
    }
    found |= {f"ce-kafkaheader{name}": value.decode() for name, value in record.headers}
    return found


async def deliver(
    session: aiohttp.ClientSession, sink: str, records: Iterator[ConsumerRecord]
) -> None:
    """POST what is left of a batch, one record after the other, beside others that do the same."""
    for record in records:
        async with session.post(sink, data=record.value, headers=headers(record)) as answer:
            answer.raise_for_status()


async def forward(bootstrap: str, topic: str, group: str, sink: str, concurrency: int) -> None:
    """Forward until cancelled."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with consumer, aiohttp.ClientSession(connector=connector) as session:
        while True:
            batch = await consumer.getmany(timeout_ms=1000, max_records=2000)
            records = (record for part in batch.values() for record in part)
            async with asyncio.TaskGroup() as workers:
                for _ in range(concurrency):
                    workers.create_task(deliver(session, sink, records))
            if batch:
                await consumer.commit()


async def main() -> None:
    """Forward until SIGTERM."""
    bootstrap, topic, group, sink, concurrency = sys.argv[1:]
    work = asyncio.ensure_future(forward(bootstrap, topic, group, sink, int(concurrency)))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


if __name__ == "__main__":
    uvloop.run(main())
