"""How the adapters are, in the kubelet's words and their own.

A pod that is ready needs no words to be believed to work. One that is not is asked: its container
may have ended and left a message, or cannot be started, or it runs and tells at `/status` why it is
not ready.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import orjson

from eventing_alibaba.runtime.names import DEFAULT_PORT
from eventing_alibaba_operator import names, reasons
from eventing_alibaba_operator.status import Verdict

_TIMEOUT: Final = 2.0
_MOST_BYTES: Final = 16 * 1024
_MISCONFIGURED: Final = 78
_CAMEL: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
_STARTING: Final = frozenset({"ContainerCreating", "PodInitializing"})
_NO_WORD_YET: Final = "Starting"
_FIELD: Final = 1024
_YEAR_10000: Final = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Pod:
    """What is kept of an adapter's pod.

    Attributes:
        instance: the name of the Deployment it belongs to.
        ready: as the kubelet sees it.
        address: None until it has one.
        running: its container runs.
        exit_code, last_words: of the container's last run.
        waiting: why the container does not run: reason and message.
        scheduling: why no node takes it.
        started: when it was created.
        ending: it is being deleted.
    """

    name: str
    instance: str
    ready: bool
    address: str | None
    running: bool
    started: str
    exit_code: int | None = None
    last_words: str = ""
    waiting: tuple[str, str] | None = None
    scheduling: str | None = None
    ending: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Pod:
        """Make one of an object."""
        about, status = found["metadata"], found.get("status") or {}
        conditions = {one["type"]: one for one in status.get("conditions") or ()}
        container: Mapping[str, Any] = next(
            (c for c in status.get("containerStatuses") or () if c["name"] == names.CONTAINER), {}
        )
        state = container.get("state") or {}
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        waiting = state.get("waiting")
        scheduled = conditions.get("PodScheduled", {})
        return cls(
            name=about["name"],
            instance=(about.get("labels") or {}).get(names.LABEL_INSTANCE, ""),
            ready=conditions.get("Ready", {}).get("status") == "True",
            address=status.get("podIP"),
            running="running" in state,
            started=about["creationTimestamp"],
            exit_code=ended.get("exitCode") if ended else None,
            last_words=(ended.get("message") or "")[-_FIELD * 2 :] if ended else "",
            waiting=(waiting.get("reason", ""), waiting.get("message", "")) if waiting else None,
            scheduling=scheduled.get("message", "no node takes it")
            if scheduled.get("status") == "False"
            else None,
            ending="deletionTimestamp" in about,
        )


@dataclass(frozen=True, slots=True, order=True)
class BlockedEvent:
    """An event that holds up its partition or key: since when (seconds), and a sentence."""

    since: float
    fact: str


@dataclass(frozen=True, slots=True)
class Told:
    """What an adapter says of itself.

    Attributes:
        verdict: the condition `Consuming`.
        version: of the adapter.
        sink: the condition `SinkReachable`; None while it does not know.
        blocked: the events that hold up others, as far as it names them, oldest first.
        answered: it was asked, and these are its words.
    """

    verdict: Verdict
    version: str | None = None
    sink: Verdict | None = None
    blocked: Sequence[BlockedEvent] = ()
    answered: bool = False


class Listener:
    """Asks adapters. `port` is that of their health."""

    def __init__(self, *, port: int = DEFAULT_PORT, at_once: int = 16) -> None:
        self._port = port
        self._room = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None

    async def consuming(self, pods: Sequence[Pod]) -> Told:
        """Return the condition `Consuming` for the pods of one source."""
        here = sorted((pod for pod in pods if not pod.ending), key=lambda pod: pod.started)
        if any(pod.ready for pod in here):
            return Told(Verdict.of(reasons.CONSUMING))
        if not here:
            return Told(Verdict.of(reasons.ADAPTER_STARTING, "no adapter is ready yet"))
        return await self._of(here[-1])

    async def ask(self, pod: Pod) -> Told:
        """Return what a pod that has an address says of itself, or that it does not."""
        assert pod.address is not None
        return await self._ask(pod, pod.address)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _of(self, pod: Pod) -> Told:
        if pod.exit_code == _MISCONFIGURED and not pod.ready:
            fact = pod.last_words.strip() or "the adapter ended with exit code 78"
            return Told(Verdict.of(reasons.ADAPTER_MISCONFIGURED, fact))
        if pod.running and pod.address:
            return await self._ask(pod, pod.address)
        if pod.exit_code is not None:
            words = pod.last_words.strip()
            fact = f"pod {pod.name} ended with exit code {pod.exit_code}"
            return Told(Verdict.of(reasons.ADAPTER_CRASHED, f"{fact}: {words}" if words else fact))
        if pod.scheduling is not None:
            return Told(
                Verdict.of(reasons.ADAPTER_NOT_STARTED, f"pod {pod.name}: {pod.scheduling}")
            )
        if pod.waiting is not None and pod.waiting[0] not in _STARTING:
            fact = f"pod {pod.name}: {': '.join(filter(None, pod.waiting))}"
            return Told(Verdict.of(reasons.ADAPTER_NOT_STARTED, fact))
        return Told(Verdict.of(reasons.ADAPTER_STARTING, "no adapter is ready yet"))

    async def _ask(self, pod: Pod, address: str) -> Told:
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{self._port}/status"
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        try:
            async with (
                self._room,
                asyncio.timeout(_TIMEOUT),
                self._session.get(url, allow_redirects=False) as answer,
            ):
                text = await answer.content.read(_MOST_BYTES + 1)
                while not answer.content.at_eof() and len(text) <= _MOST_BYTES:
                    text += await answer.content.read(_MOST_BYTES + 1 - len(text))
            return _told(orjson.loads(text))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError) as error:
            why = str(error) or "no answer within 2 s"
            fact = f"pod {pod.name} runs and does not tell how it is ({why[:200]})"
            return Told(Verdict.of(reasons.ADAPTER_SILENT, fact))


def _told(said: Any) -> Told:
    """Turn `/status` into a condition, believing nothing of its form."""
    if not isinstance(said, dict):
        raise TypeError("its status is no object")
    version = said.get("adapterVersion")
    return Told(
        _consuming(said),
        version[:64] if isinstance(version, str) else None,
        _reachable(said.get("sink")),
        _blocked(said.get("blocked")),
        answered=True,
    )


def _consuming(said: Mapping[str, Any]) -> Verdict:
    if said.get("ready") is True:
        return Verdict.of(reasons.CONSUMING)
    word = said.get("reason")
    # It starts until it was connected once, however long that takes; what it waits for is the word.
    if said.get("state") == "starting" and word == _NO_WORD_YET:
        return Verdict.of(reasons.ADAPTER_STARTING, "no adapter is ready yet")
    name = word if isinstance(word, str) and _CAMEL.fullmatch(word) else None
    return Verdict.of(reasons.ADAPTER_SAYS, _fact(said.get("message")), name=name)


def _reachable(sink: Any) -> Verdict | None:
    reachable = sink.get("reachable") if isinstance(sink, dict) else None
    if reachable is True:
        return Verdict.of(reasons.SINK_REACHABLE)
    if reachable is False:
        return Verdict.of(reasons.SINK_UNREACHABLE, _fact(sink.get("reason")))
    return None


def _blocked(listed: Any) -> Sequence[BlockedEvent]:
    found = []
    for one in listed if isinstance(listed, list) else ():
        since = one.get("since") if isinstance(one, dict) else None
        if isinstance(since, int | float) and 0 <= since < _YEAR_10000:
            when = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            origin, identity = _fact(one.get("origin"))[:256], _fact(one.get("id"))[:256]
            why = _fact(one.get("reason"))
            found.append(BlockedEvent(since, f"{origin} {identity} is blocked since {when}: {why}"))
    return sorted(found)


def _fact(text: Any) -> str:
    return text[:_FIELD] if isinstance(text, str) else ""
