"""A mock cluster that this process owns: topics, faults, and the log of its requests."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from eventing_alibaba.contract.clock import now
from eventing_alibaba.testing.emulators.kafka.library import PRODUCER, Library
from eventing_alibaba.testing.emulators.kafka.names import (
    API_KEYS,
    Request,
    api_key,
    api_name,
    error_code,
)

ALL: Final = -1
"""In place of a broker's id: every broker."""

_REST: Final = 0.002


class KafkaEmulator:
    """A Kafka cluster of `brokers` brokers, numbered from 1, from `start` to `close`.

    Use it as `with` or `async with`; a call waits for a few milliseconds at most, so it may be made
    from a coroutine. Every call raises RuntimeError when the cluster is not running, and
    ValueError naming what librdkafka refused.

    Args:
        brokers: how many.
        rebalance_delay: seconds a group waits for further members before its first assignment.
        track_requests: keep every request for `requests()`; about 50 bytes each.
    """

    def __init__(
        self, *, brokers: int = 1, rebalance_delay: float = 0.0, track_requests: bool = True
    ) -> None:
        if brokers < 1:
            raise ValueError(f"brokers must be at least 1, got {brokers}")
        self.brokers = brokers
        self._rebalance_delay = rebalance_delay
        self._track_requests = track_requests
        self._library: Library | None = None
        self._handle: int | None = None
        self._cluster: int | None = None
        self._addresses: list[str] = []
        self._shift = 0.0
        self._working = threading.Lock()
        self._rested_at = 0.0

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to: "127.0.0.1:40001,127.0.0.1:40002"."""
        self._running()
        return ",".join(self._addresses)

    def start(self) -> Self:
        """Start the brokers. Raises EmulatorUnavailableError without confluent-kafka."""
        if self._cluster is not None:
            raise RuntimeError("the emulator runs already")
        library = self._library = self._library or Library()
        conf = library.call("conf_new")
        # The owner's log is about the mock's own insides and would go to standard error.
        library.call("conf_set_log_cb", conf, None)
        reason = ctypes.create_string_buffer(256)
        self._handle = library.call("new", PRODUCER, conf, reason, len(reason))
        if not self._handle:
            raise RuntimeError(f"librdkafka gave no handle: {reason.value.decode()}")
        self._cluster = library.call("mock_cluster_new", self._handle, self.brokers)
        if not self._cluster:
            self.close()
            raise RuntimeError(f"librdkafka could not start {self.brokers} brokers on 127.0.0.1")
        bootstraps = library.call("mock_cluster_bootstraps", self._cluster)
        self._addresses = bootstraps.decode().split(",")
        delay = round(self._rebalance_delay * 1000)
        library.call("mock_group_initial_rebalance_delay_ms", self._cluster, delay)
        # librdkafka stamps requests with the monotonic clock.
        self._shift = now() - time.monotonic()
        if self._track_requests:
            library.call("mock_start_request_tracking", self._cluster)
        return self

    def close(self) -> None:
        """Stop the brokers; all records and groups are gone. Idempotent."""
        library, cluster, handle = self._library, self._cluster, self._handle
        self._cluster, self._handle = None, None
        if library is not None and cluster:
            library.call("mock_cluster_destroy", cluster)
        if library is not None and handle:
            library.call("destroy", handle)

    def create_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic. Raises ValueError when it exists."""
        if partitions < 1:
            raise ValueError(f"partitions of topic {name!r} must be at least 1, got {partitions}")
        self._checked("mock_topic_create", name.encode(), partitions, min(3, self.brokers))

    def delete_topic(self, name: str) -> None:
        """Delete a topic and its records; requests for it get UNKNOWN_TOPIC_OR_PART."""
        self._checked("mock_topic_delete", name.encode())

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Delete what lies before offset `before`, as retention would."""
        self._checked("mock_partition_delete_records", topic.encode(), partition, before)

    def set_leader(self, topic: str, partition: int, broker: int) -> None:
        """Move a partition to another broker; -1 leaves it without one."""
        self._checked("mock_partition_set_leader", topic.encode(), partition, broker)

    def set_coordinator(self, group: str, broker: int) -> None:
        """Have `broker` coordinate a consumer group."""
        self._checked("mock_coordinator_set", b"group", group.encode(), broker)

    def broker_down(self, broker: int = ALL) -> None:
        """Cut all connections of a broker and refuse new ones. Its partitions stay with it."""
        self._checked("mock_broker_set_down", broker)

    def broker_up(self, broker: int = ALL) -> None:
        """Accept connections again, on the same port."""
        self._checked("mock_broker_set_up", broker)

    def latency(self, milliseconds: int, broker: int = ALL) -> None:
        """Delay every answer of a broker by this much; 0 = no more."""
        self._checked("mock_broker_set_rtt", broker, milliseconds)

    def errors(self, api: str | int, codes: Sequence[str | int], *, times: int = 1) -> None:
        """Fail the next requests of one type, one code a request, the whole list `times` times.

        `api` is a name ("OffsetCommit") or an api key, a code a name ("REBALANCE_IN_PROGRESS") or
        a number; "_TRANSPORT" drops the connection instead of answering. Codes add to those that
        are still waiting; requests of every client count.
        """
        key, numbers = api_key(api), [error_code(code) for code in codes] * times
        array = (ctypes.c_int * len(numbers))(*numbers)
        self._call("mock_push_request_errors_array", key, len(numbers), array)

    def clear_errors(self, api: str | int | None = None) -> None:
        """Forget the errors still waiting for one type of request, or for all."""
        for key in API_KEYS.values() if api is None else (api_key(api),):
            self._call("mock_clear_request_errors", key)

    def topic_error(self, topic: str, code: str | int | None) -> None:
        """Answer metadata requests for a topic with an error, until None is given.

        TOPIC_AUTHORIZATION_FAILED and UNKNOWN_TOPIC_OR_PART are the useful ones.
        """
        self._checked("mock_topic_set_error", topic.encode(), error_code(code or 0))

    def heal(self) -> None:
        """Undo `broker_down`, `latency` and `errors`; leaders and topic errors stay as they are."""
        self.broker_up()
        self.latency(0)
        self.clear_errors()

    def requests(self, api: str | int | None = None) -> list[Request]:
        """Return the requests received so far, in order; only those of type `api` if given."""
        cluster, library = self._running()
        count = ctypes.c_size_t()
        array = library.call("mock_get_requests", cluster, ctypes.byref(count))
        found = [
            Request(
                api=api_name(library.call("mock_request_api_key", array[i])),
                broker=library.call("mock_request_id", array[i]),
                at=library.call("mock_request_timestamp", array[i]) / 1e6 + self._shift,
            )
            for i in range(count.value)
        ]
        library.call("mock_request_destroy_array", array, count)
        wanted = None if api is None else api_name(api_key(api))
        return [request for request in found if wanted in (None, request.api)]

    def clear_requests(self) -> None:
        """Forget the requests received so far."""
        self._call("mock_clear_requests")

    def advertise(self, broker: int, host: str, port: int) -> None:
        """Tell clients another address of a broker: that of a relay in front of it."""
        self._call("mock_broker_set_host_port", broker, host.encode(), port)
        self._addresses[broker - 1] = f"{host}:{port}"

    def _running(self) -> tuple[int, Library]:
        if self._cluster is None or self._library is None:
            raise RuntimeError("the emulator is not running: use `with` or start()")
        return self._cluster, self._library

    def _call(self, function: str, *arguments: Any) -> Any:
        cluster, library = self._running()
        return library.call(function, cluster, *arguments)

    def _checked(self, function: str, *arguments: Any) -> None:
        """Have the cluster's thread do something, and wait until it has.

        The thread sleeps for up to a second and is woken through a pipe, which it empties *after*
        it has looked for work: what is handed over in between waits for the whole second. So it
        gets a moment to fall asleep after each piece of work.
        """
        cluster, library = self._running()
        with self._working:
            time.sleep(max(0.0, self._rested_at - time.monotonic()))
            try:
                library.checked(function, cluster, *arguments)
            finally:
                self._rested_at = time.monotonic() + _REST

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ",".join(self._addresses) if self._cluster is not None else "not running"
        return f"<KafkaEmulator {state}>"
