"""The forwarder that a Python user writes in an afternoon: the official client and aiohttp.

It is written to be a fair peer: at least once (a message is acknowledged when it was accepted),
several loops beside each other, so that as many POSTs are under way as it is told, one session that
keeps its connections, CloudEvents headers in binary mode, and uvloop. The client's simple consumer
blocks, so its calls are made in threads; it acknowledges one message with a request, and has no
other way: what its `ack_async` returns cannot be waited for.

usage: rocketmq_python_forwarder.py ENDPOINT TOPIC GROUP SINK CONCURRENCY
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

os.environ["HOME"] = os.getcwd()  # noqa: PTH109 - the client writes its log there when imported

import aiohttp
import uvloop
from rocketmq import ClientConfiguration, Credentials, FilterExpression, SimpleConsumer
from rocketmq.v5.exception.client_exception import ClientException

BATCH = 32
INVISIBLE = 30


def headers(message: Any) -> dict[str, str]:
    """The CloudEvents attributes of a message, as HTTP headers."""
    time = datetime.fromtimestamp(message.born_timestamp / 1000, UTC)
    return {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": message.message_id,
        "ce-source": f"rocketmq://benchmark/{message.topic}",
        "ce-type": "org.apache.rocketmq.message",
        "ce-time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce-rocketmqtopic": message.topic,
    }


def acknowledge(consumer: Any, messages: Sequence[Any]) -> None:
    """Acknowledge one after the other, in one thread."""
    for message in messages:
        consumer.ack(message)


async def forward(session: aiohttp.ClientSession, consumer: Any, sink: str) -> None:
    """Forward batch after batch until cancelled."""

    async def deliver(message: Any) -> None:
        async with session.post(sink, data=message.body, headers=headers(message)) as answer:
            answer.raise_for_status()

    while True:
        try:
            messages = await asyncio.to_thread(consumer.receive, BATCH, INVISIBLE)
        except ClientException as error:  # the proxy does not know the client yet
            print(error, flush=True)
            await asyncio.sleep(0.2)
            continue
        if messages:
            await asyncio.gather(*map(deliver, messages))
            await asyncio.to_thread(acknowledge, consumer, messages)


async def main(endpoint: str, topic: str, group: str, sink: str, concurrency: int) -> None:
    """Run the loops until told to stop."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    told = ClientConfiguration(endpoint, Credentials())
    consumer = SimpleConsumer(told, group, {topic: FilterExpression()})
    await asyncio.to_thread(consumer.startup)
    connector = aiohttp.TCPConnector(limit=concurrency)
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(max(1, concurrency // BATCH * 4)):  # most wait for the broker
                tasks.create_task(forward(session, consumer, sink))
    except asyncio.CancelledError:
        os._exit(0)  # its threads would wait for the rest of their polls


if __name__ == "__main__":
    endpoint, topic, group, sink, concurrency = sys.argv[1:]
    uvloop.run(main(endpoint, topic, group, sink, int(concurrency)))
