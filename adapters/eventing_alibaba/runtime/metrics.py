"""The names of all metrics, in this one place, with what each says.

`<prefix>_<what>_<unit>`, counters with `_total`. Every metric of the flow has the label `source`,
the object's `namespace/name`; no label ever holds an id, a URL, or a name that grows with the
traffic.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "eventing_alibaba_"

BUILD_INFO: Final = f"{PREFIX}build_info"
RECEIVED: Final = f"{PREFIX}received_messages_total"
DELIVERED: Final = f"{PREFIX}delivered_events_total"
ATTEMPTS: Final = f"{PREFIX}delivery_attempts_total"
RESENDS: Final = f"{PREFIX}resent_requests_total"
DURATION: Final = f"{PREFIX}delivery_duration_seconds"
SETTLED: Final = f"{PREFIX}settled_messages_total"
ERRORS: Final = f"{PREFIX}errors_total"
LAG: Final = f"{PREFIX}end_to_end_lag_seconds"
READY: Final = f"{PREFIX}ready"

IN_FLIGHT: Final = f"{PREFIX}inflight_messages"
BUFFERED: Final = f"{PREFIX}buffered_messages"
BUFFERED_BYTES: Final = f"{PREFIX}buffered_bytes"
BLOCKED: Final = f"{PREFIX}blocked_lanes"
CONCURRENCY: Final = f"{PREFIX}concurrency_limit"
BREAKER: Final = f"{PREFIX}breaker_state"
BACKLOG: Final = f"{PREFIX}backlog_messages"

HELP: Final = {
    BUILD_INFO: "Version of the adapter and kind of its source; always 1.",
    RECEIVED: "Messages received from the broker, redeliveries included.",
    DELIVERED: "Events that the sink accepted, by class of its answer.",
    ATTEMPTS: "POSTs to the sink by outcome: class of the status, or what went wrong.",
    RESENDS: "Requests repeated at once because a reused connection had died; no attempts.",
    DURATION: "Seconds from writing a request to its 2xx.",
    SETTLED: "Messages settled, by result.",
    ERRORS: "Errors by stage and type.",
    LAG: "Seconds from a message's production to its acknowledgement.",
    READY: "1 while the source is ready, else 0.",
    IN_FLIGHT: "Requests on the wire.",
    BUFFERED: "Messages held, those on the wire included.",
    BUFFERED_BYTES: "Bytes of the messages held.",
    BLOCKED: "Lanes or partitions held up by an event whose retries are used up.",
    CONCURRENCY: "Requests on the wire that are allowed now.",
    BREAKER: "1 for the state the sink's breaker is in, 0 for the others.",
    BACKLOG: "Messages that wait at the broker, where it says so.",
}

BREAKER_STATES: Final = ("closed", "open")
