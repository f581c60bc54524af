"""Settings, told to one proxy and told by it, and commands that it sends.

A proxy keeps a client's settings by its id, for as long as it knows of a connection; without them
it refuses to give messages, or fails in odd ways. So the stream is opened before anything else,
opened again whenever it ends, and the settings are sent anew each time. While there is no stream
the proxy is not polled.

What it answers is what it has decided: whether the group is one in which messages come in order,
and after how many deliveries one is put aside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from eventing_alibaba.contract.errors import SourceError
from eventing_alibaba.sources.rocketmq.errors import Refused, Unreached
from eventing_alibaba.sources.rocketmq.proto import messaging_pb2 as pb

if TYPE_CHECKING:
    from eventing_alibaba.sources.rocketmq.link import Link

log: Final = logging.getLogger(__name__)

_FIRST_ANSWER: Final = 5.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 3.0


class Telemetry:
    """The stream to one proxy. `changed` is called when it begins or ceases to be ready.

    Attributes:
        ready: the proxy knows our settings.
        fifo: messages of the group come in order.
        max_attempts: deliveries after which RocketMQ puts a message aside; 0 = not told.
    """

    def __init__(
        self,
        link: Link,
        settings: pb.Settings,
        *,
        changed: Callable[[], None],
        failed: Callable[[Refused | Unreached | SourceError], None],
    ) -> None:
        self.ready = False
        self.fifo = False
        self.max_attempts = 0
        self._link = link
        self._command = pb.TelemetryCommand(settings=settings)
        self._changed = changed
        self._failed = failed
        self._failures = 0
        self._again = False
        self._call: Any = None
        self._task = asyncio.create_task(self._run(), name=f"telemetry {link.endpoints}")

    def renew(self) -> None:
        """Open the stream again, because the proxy has forgotten us."""
        self._again = True
        if self._call is not None:
            self._call.cancel()

    async def close(self) -> None:
        """End the stream."""
        self._task.cancel()
        await asyncio.wait([self._task], timeout=1.0)

    async def _run(self) -> None:
        while True:
            error: Refused | Unreached | SourceError | None
            try:
                await self._stream()
                error = None
            except (Refused, Unreached, SourceError) as found:
                error = found
            except grpc.aio.UsageError:
                return  # the channel is closed
            except Exception:  # a defect costs a connection, not the rest
                log.exception("a telemetry stream failed in a way it should not")
                error = None
            finally:
                self._call = None
                if self.ready:
                    self.ready = False
                    self._changed()
            pause = 0.0
            if not self._again:
                self._failures += 1
                pause = min(_FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10), _LONGEST_PAUSE)
                self._failed(
                    error
                    or Unreached(
                        grpc.StatusCode.UNAVAILABLE, str(self._link.endpoints), "the stream ended"
                    )
                )
            self._again = False
            await asyncio.sleep(pause)

    async def _stream(self) -> None:
        call = self._call = self._link.telemetry()
        try:
            try:
                async with asyncio.timeout(_FIRST_ANSWER):
                    await call.write(self._command)
                    while not self.ready:
                        if not self._heard(await call.read()):
                            return
            except TimeoutError:
                raise Unreached(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    str(self._link.endpoints),
                    "it does not answer to settings",
                ) from None
            while self._heard(await call.read()):
                pass
        except grpc.aio.AioRpcError as error:
            raise self._link.failure(error) from error
        except asyncio.InvalidStateError:
            # gRPC's word for "it had ended before it was written to".
            raise await self._ended(call) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # gRPC tells that the call was cancelled, by `renew`, in the same way.
        finally:
            call.cancel()

    async def _ended(self, call: Any) -> Unreached:
        status = await call.code()
        return Unreached(status, str(self._link.endpoints), await call.details() or "")

    def _heard(self, command: Any) -> bool:
        """Take a command; False where the stream has ended."""
        if command is grpc.aio.EOF:
            return False
        if command.status.code not in (pb.OK, pb.CODE_UNSPECIFIED):
            raise self._link.refusal(command.status)
        kind = command.WhichOneof("command")
        if kind == "settings":
            self._told(command.settings)
        elif kind == "reconnect_endpoints_command":
            log.info("%s asks to be connected to anew", self._link.endpoints)
            self._link.reconnect()
            self._again = True
            return False
        return True

    def _told(self, settings: pb.Settings) -> None:
        self.fifo = settings.subscription.fifo
        self.max_attempts = settings.backoff_policy.max_attempts
        self._failures = 0
        if not self.ready:
            self.ready = True
            self._changed()

    def __repr__(self) -> str:
        state = "ready" if self.ready else f"failed {self._failures} times"
        return f"<Telemetry {self._link.endpoints} {state}{' fifo' if self.fifo else ''}>"
