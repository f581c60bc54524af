"""The emulator in a process of its own, worked from here with the words of `KafkaEmulator`.

A cluster in the test's process would share its CPU time, its memory and its end with what is
tested. This one goes on when the process under test is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventing_alibaba.testing.emulators.kafka.cluster import ALL
from eventing_alibaba.testing.emulators.kafka.names import Request
from eventing_alibaba.testing.process import ChildProcess


class EmulatorProcess(ChildProcess):
    """`with EmulatorProcess(brokers=2) as kafka:` or `async with`.

    The calls are those of `KafkaEmulator`, where each is described. They block for one HTTP
    request on the loopback interface; they raise AdminError with a sentence when refused and
    RuntimeError when the process is not running.

    Args:
        brokers: how many, numbered from 1.
        topics: names and numbers of partitions to begin with.
        rebalance_delay: seconds a group waits for further members before its first assignment.
        port: of the first broker; 0 = free ones.
    """

    module = "eventing_alibaba.testing.emulators.kafka"

    def __init__(
        self,
        *,
        brokers: int = 1,
        topics: dict[str, int] | None = None,
        rebalance_delay: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(
            f"--brokers={brokers}",
            f"--rebalance-delay={rebalance_delay}",
            f"--port={port}",
            *(f"--topic={name}:{partitions}" for name, partitions in (topics or {}).items()),
        )

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to."""
        if "bootstrapServers" not in self.ready:
            raise RuntimeError("the emulator is not running: use `with` or start()")
        return str(self.ready["bootstrapServers"])

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        self.admin.call("POST", "/topics", {"name": name, "partitions": partitions})

    def delete_topic(self, name: str) -> None:
        """Delete a topic and its records."""
        self.admin.call("DELETE", "/topics", {"name": name})

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete what lies before offset `before`, as retention would."""
        arguments = {"topic": topic, "partition": partition, "before": before}
        self.admin.call("DELETE", "/records", arguments)

    def set_leader(self, topic: str, partition: int, broker: int) -> None:
        """Move a partition to another broker; -1 leaves it without one."""
        arguments = {"topic": topic, "partition": partition, "broker": broker}
        self.admin.call("POST", "/leader", arguments)

    def set_coordinator(self, group: str, broker: int) -> None:
        """Have `broker` coordinate a consumer group."""
        self.admin.call("POST", "/coordinator", {"group": group, "broker": broker})

    def broker_down(self, broker: int = ALL) -> None:
        """Cut all connections of a broker and refuse new ones."""
        self.admin.call("POST", "/down", {"broker": broker})

    def broker_up(self, broker: int = ALL) -> None:
        """Accept connections again, on the same port."""
        self.admin.call("POST", "/up", {"broker": broker})

    def latency(self, milliseconds: int, broker: int = ALL) -> None:
        """Delay every answer of a broker by this much; 0 = no more."""
        self.admin.call("POST", "/latency", {"milliseconds": milliseconds, "broker": broker})

    def errors(self, api: str | int, codes: Sequence[str | int], *, times: int = 1) -> None:
        """Fail the next requests of one type, one code a request, the whole list `times` times."""
        arguments: dict[str, Any] = {"api": api, "codes": list(codes), "times": times}
        self.admin.call("POST", "/errors", arguments)

    def clear_errors(self, api: str | int | None = None) -> None:
        """Forget the errors still waiting for one type of request, or for all."""
        self.admin.call("DELETE", "/errors", {"api": api})

    def topic_error(self, topic: str, code: str | int | None) -> None:
        """Answer metadata requests for a topic with an error, until None is given."""
        self.admin.call("POST", "/topic-error", {"topic": topic, "code": code})

    def heal(self) -> None:
        """Undo `broker_down`, `latency` and `errors`."""
        self.admin.call("POST", "/heal")

    def requests(self, api: str | int | None = None) -> list[Request]:
        """Return the requests received so far, in order; only those of type `api` if given."""
        found = self.admin.call("GET", "/requests", {} if api is None else {"api": api})
        return [Request(**request) for request in found["requests"]]

    def clear_requests(self) -> None:
        """Forget the requests received so far."""
        self.admin.call("DELETE", "/requests")
