"""How fast messages are sent, and what people see of it.

Messages go in batches: without a rate as large ones as are good for a broker, with a rate those
that are due, ten times a second. A broker that is slower than the rate is not run over: what was
due meanwhile goes with the next batch.

Standard input is read in a thread of its own, which nobody waits for: a line that is never typed
must not keep the process from ending.

On a terminal a line of progress stands on standard error; standard output has the result alone.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TextIO

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.contract.send import Outgoing, Sender

_BATCH: Final = 1_000
_TICK: Final = 0.1
_SHOW: Final = 0.2
_AHEAD: Final = 4


@dataclass(slots=True)
class Tally:
    """What has come of it so far; `failure` is why the first message was refused."""

    sent: int = 0
    failure: SourceError | None = None


class Supply(Protocol):
    """Where messages come from."""

    async def take(self, most: int) -> Sequence[Outgoing]:
        """Return from one up to `most` messages; none when there are no more."""


class Ready:
    """A supply of what is at hand."""

    def __init__(self, messages: Iterable[Outgoing]) -> None:
        self._messages = iter(messages)

    async def take(self, most: int) -> Sequence[Outgoing]:
        """See `Supply`."""
        return list(itertools.islice(self._messages, most))


class Arriving:
    """A supply of what comes by and by: each item of `pieces` is what came together."""

    def __init__(self, pieces: Iterator[Sequence[Outgoing]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Sequence[Outgoing] | None] = asyncio.Queue(_AHEAD)
        self._there: list[Outgoing] = []
        self._ended = False
        threading.Thread(target=self._read, args=(pieces,), name="input", daemon=True).start()

    async def take(self, most: int) -> Sequence[Outgoing]:
        """See `Supply`."""
        while not self._there and not self._ended:
            piece = await self._queue.get()
            self._ended = piece is None
            self._there += piece or ()
        taken, self._there = self._there[:most], self._there[most:]
        return taken

    def _read(self, pieces: Iterator[Sequence[Outgoing]]) -> None:
        for piece in itertools.chain(pieces, (None,)):
            putting = self._queue.put(piece)
            try:
                asyncio.run_coroutine_threadsafe(putting, self._loop).result()
            except RuntimeError:  # the loop has ended: nobody takes any more
                putting.close()
                return


class Progress:
    """One line that is written anew, on a terminal only; `total` is None where nobody knows."""

    def __init__(self, out: TextIO, total: int | None) -> None:
        self._out = out
        self._of = "" if total is None else f" of {total:,}"
        self._due = _SHOW if out.isatty() else float("inf")
        self._shown = False

    def show(self, sent: int, seconds: float) -> None:
        """Show how far it is, a few times a second."""
        if seconds < self._due:
            return
        self._due = seconds + _SHOW
        self._out.write(f"\r\033[Ksent {sent:,}{self._of}, {sent / seconds:,.0f} a second")
        self._out.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._out.write("\r\033[K")
            self._out.flush()


async def send(
    sender: Sender, supply: Supply, *, rate: float | None, total: int | None, tally: Tally
) -> None:
    """Send all there is, at most `rate` a second; count in `tally`; stop after a failure.

    Raises Unsendable for a message that this broker cannot take.
    """
    loop = asyncio.get_running_loop()
    progress = Progress(sys.stderr, total)
    begun = loop.time()
    try:
        while tally.failure is None:
            due = _BATCH
            if rate is not None:
                due = min(due, int((loop.time() - begun) * rate) + 1 - tally.sent)
                if due <= 0:
                    await asyncio.sleep(max(_TICK, 1 / rate))
                    continue
            batch = await supply.take(due)
            if not batch:
                return
            for error in await sender.send(batch):
                tally.sent += error is None
                tally.failure = tally.failure or error
            progress.show(tally.sent, loop.time() - begun)
    finally:
        progress.clear()
