"""The sink in a process of its own, worked from here.

It takes its own CPU time, so that a measurement is of the sender alone; and it goes on when the
sender under test is killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from eventing_alibaba.testing.process import ChildProcess
from eventing_alibaba.testing.sink.records import Record
from eventing_alibaba.testing.sink.script import Answer, Rule


class SinkProcess(ChildProcess):
    """`with SinkProcess(default=Answer(status=202)) as sink:` or `async with`.

    The calls block for one HTTP request on the loopback interface.

    Args:
        default: the answer where no rule applies.
        rules: see `Script`; conditions in Python (`when`) cannot be sent.
        port: for events; 0 = a free one.
        keep: so many of the latest events are kept whole for `events()`.
    """

    module = "eventing_alibaba.testing.sink"

    def __init__(
        self,
        *,
        default: Answer | None = None,
        rules: Sequence[Rule] = (),
        port: int = 0,
        keep: int = 0,
    ) -> None:
        super().__init__(
            f"--default={orjson.dumps((default or Answer()).to_json()).decode()}",
            *(f"--rule={orjson.dumps(rule.to_json()).decode()}" for rule in rules),
            f"--port={port}",
            f"--keep={keep}",
        )

    @property
    def url(self) -> str:
        """Where to POST, with a slash at the end."""
        if "url" not in self.ready:
            raise RuntimeError("the sink is not running: use `with` or start()")
        return str(self.ready["url"])

    def set_rules(self, *rules: Rule) -> None:
        """Replace the rules; they hold from the next request, none = only the default."""
        self.admin.call("PUT", "/script", {"rules": [rule.to_json() for rule in rules]})

    def set_default(self, answer: Answer) -> None:
        """Replace the answer that is given where no rule applies."""
        self.admin.call("PUT", "/script", {"default": answer.to_json()})

    def stats(self) -> dict[str, int]:
        """Return the counts requests, records, events, delivered, invalid, connections and
        openConnections.
        """
        found: dict[str, int] = self.admin.call("GET", "/stats")
        return found

    def records(self, start: int = 0) -> Iterator[Record]:
        """Yield the deliveries from order `start` up to now, fetched in pages."""
        while True:
            page = self.admin.call("GET", "/records", {"start": start}, timeout=60)
            yield from (Record(*row) for row in page["records"])
            start += len(page["records"])
            if not page["records"] or start >= page["total"]:
                return

    def events(self) -> list[dict[str, Any]]:
        """Return the latest events: `attributes`, `mode`, `path`, size of the data in `bytes`."""
        found: list[dict[str, Any]] = self.admin.call("GET", "/events")["events"]
        return found

    def invalid_requests(self) -> list[str]:
        """Return why the latest invalid requests were none."""
        return [item["reason"] for item in self.admin.call("GET", "/invalid")["invalid"]]

    def wait_delivered(self, count: int, *, timeout: float = 10.0) -> dict[str, int]:
        """Wait until `count` different events have been answered with a 2xx; return `stats()`.

        Raises TimeoutError saying what the sink has seen.
        """
        return self._wait({"delivered": count, "timeout": timeout}, timeout)

    def wait_recorded(self, count: int, *, timeout: float = 10.0) -> dict[str, int]:
        """Wait until `count` deliveries have arrived, whatever they are answered."""
        return self._wait({"recorded": count, "timeout": timeout}, timeout)

    def _wait(self, arguments: dict[str, float], timeout: float) -> dict[str, int]:
        found: dict[str, int] = self.admin.call("GET", "/wait", arguments, timeout=timeout + 10)
        return found

    def clear(self) -> None:
        """Forget records, events and invalid requests."""
        self.admin.call("POST", "/clear")

    def refuse(self) -> None:
        """Be down: cut open connections and refuse new ones."""
        self.admin.call("POST", "/refuse")

    def accept(self) -> None:
        """Be up again after `refuse`."""
        self.admin.call("POST", "/accept")

    def disconnect(self, *, reset: bool = False) -> int:
        """Cut all open connections; return how many there were."""
        return int(self.admin.call("POST", "/disconnect", {"reset": reset})["count"])
