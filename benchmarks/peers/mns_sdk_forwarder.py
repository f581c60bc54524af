"""The forwarder that a Python user writes in an afternoon: the official SDK and aiohttp.

It is written to be a fair peer: at least once (messages are deleted, 16 with a request, after all
of them have been accepted), several loops beside each other, so that as many POSTs are under way as
it is told, one session that keeps its connections, CloudEvents headers in binary mode, and uvloop.
The SDK blocks, so its calls are made in threads, each loop with a connection of its own.

usage: mns_sdk_forwarder.py ENDPOINT QUEUE SINK CONCURRENCY
"""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import aiohttp
import uvloop
from mns.account import Account
from mns.mns_exception import MNSExceptionBase

BATCH = 16


def headers(message: Any, queue: str) -> dict[str, str]:
    """The CloudEvents attributes of a message, as HTTP headers."""
    time = datetime.fromtimestamp(message.enqueue_time / 1000, UTC)
    return {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": message.message_id,
        "ce-source": f"acs:mns:benchmark:queues/{queue}",
        "ce-type": "com.aliyun.mns.message",
        "ce-time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce-mnsqueue": queue,
    }


async def forward(session: aiohttp.ClientSession, endpoint: str, name: str, sink: str) -> None:
    """Forward batch after batch until cancelled."""
    queue = Account(endpoint, "test", "test").get_queue(name)
    queue.set_encoding(False)  # bodies are decoded here, once

    async def deliver(message: Any) -> None:
        data = base64.b64decode(message.message_body)
        async with session.post(sink, data=data, headers=headers(message, name)) as answer:
            answer.raise_for_status()

    while True:
        try:
            messages = await asyncio.to_thread(queue.batch_receive_message, BATCH, 5)
        except MNSExceptionBase as error:
            if error.type == "MessageNotExist":
                continue
            raise
        await asyncio.gather(*map(deliver, messages))
        handles = [message.receipt_handle for message in messages]
        await asyncio.to_thread(queue.batch_delete_message, handles)


async def main(endpoint: str, name: str, sink: str, concurrency: int) -> None:
    """Run the loops until told to stop."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    connector = aiohttp.TCPConnector(limit=concurrency)
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(max(1, concurrency // BATCH)):
                group.create_task(forward(session, endpoint, name, sink))
    except asyncio.CancelledError:
        pass


if __name__ == "__main__":
    endpoint, name, sink, concurrency = sys.argv[1:]
    uvloop.run(main(endpoint, name, sink, int(concurrency)))
