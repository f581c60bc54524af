"""What the process says about itself: one state, one reason, one sentence, and since when.

`/status`, `/readyz`, the operator's `Consuming` condition and people all read this. The flow's
thread writes it; the health server's threads read it, so a change is one assignment of a finished
value. Sections (blocked lanes, partitions, lag) are callables, asked when somebody reads; they may
fail or take long lists from a flow in motion without anybody else noticing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import orjson

from eventing_alibaba import __version__

VERSION: Final = 1
"""Of the JSON. Fields are added without a new one."""

MOST_BYTES: Final = 16 * 1024
"""What the operator reads of `/status` at most."""

State: TypeAlias = Literal["starting", "running", "draining", "stopped"]

_REASON: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_MOST_ITEMS: Final = 20
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """The state at one time.

    Attributes:
        state: of the process.
        ready: whether messages flow, or would if there were any.
        reason: a CamelCase word for programs.
        message: a sentence for people.
        since: RFC 3339; when state, readiness or reason last changed.
    """

    state: State
    ready: bool
    reason: str
    message: str
    since: str


class Status:
    """The condition of one run, and what else there is to say.

    `identity` (kind, namespace, name, ...) is told as it is.
    """

    def __init__(
        self,
        identity: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._identity = dict(identity or {})
        self._clock = clock
        self._sections: dict[str, Callable[[], object]] = {}
        self._condition = Condition(
            "starting", ready=False, reason="Starting", message="", since=self._now()
        )

    def __repr__(self) -> str:
        now = self._condition
        return f"<Status {now.state} ready={now.ready} {now.reason}>"

    @property
    def condition(self) -> Condition:
        """The condition now."""
        return self._condition

    def set(
        self,
        state: State | None = None,
        *,
        ready: bool | None = None,
        reason: str | None = None,
        message: str = "",
    ) -> bool:
        """Change what is given; return whether state, readiness or reason changed.

        `message` always is replaced: it belongs to the reason. Nothing is ready while it drains or
        has stopped. Raises ValueError for a reason that is not CamelCase.
        """
        old = self._condition
        new = replace(
            old,
            state=old.state if state is None else state,
            ready=old.ready if ready is None else ready,
            reason=old.reason if reason is None else reason,
            message=message,
        )
        if new.state in ("draining", "stopped"):
            new = replace(new, ready=False)
        if not _REASON.fullmatch(new.reason):
            raise ValueError(f"the reason {new.reason!r} is no CamelCase word")
        changed = (old.state, old.ready, old.reason) != (new.state, new.ready, new.reason)
        self._condition = replace(new, since=self._now()) if changed else new
        return changed

    def add(self, name: str, section: Callable[[], object]) -> None:
        """Tell under `name` (camelCase) what `section` returns, as JSON, whenever asked.

        It is called in other threads. Lists are cut after 20 items, and their length is told.
        """
        self._sections[name] = section

    def json(self) -> bytes:
        """Return the JSON of `/status`, at most `MOST_BYTES`."""
        now = self._condition
        told: dict[str, Any] = {
            "version": VERSION,
            "adapterVersion": __version__,
            **self._identity,
            "state": now.state,
            "ready": now.ready,
            "reason": now.reason,
            "message": now.message[:_LONGEST].encode(errors="replace").decode(),
            "since": now.since,
        }
        text = _encoded(told)
        for name, section in list(self._sections.items()):
            longer = {**told, **_told(name, section)}
            try:
                longer_text = _encoded(longer)
            except TypeError:
                longer = {**told, f"{name}Error": "Unencodable"}
                longer_text = _encoded(longer)
            if len(longer_text) > MOST_BYTES:
                longer = {**told, "truncated": True}
                longer_text = _encoded(longer)
            told, text = longer, longer_text
        return text

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(name: str, section: Callable[[], object]) -> dict[str, object]:
    value: object = None
    for _ in range(3):
        try:
            value = section()
        except RuntimeError:  # a dict or deque changed while it was read
            continue
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, the status is told
            return {f"{name}Error": type(error).__name__}
        break
    else:
        return {f"{name}Error": "Busy"}
    if isinstance(value, list | tuple) and len(value) > _MOST_ITEMS:
        return {name: value[:_MOST_ITEMS], f"{name}Count": len(value)}
    return {name: value}


def _encoded(told: Mapping[str, object]) -> bytes:
    return orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS)
