"""The mock cluster's functions, called in the shared library that confluent-kafka brings.

confluent-kafka's extension module is linked against librdkafka, and looking a symbol up in a loaded
module also looks into what it is linked against. So the functions are found through the extension
itself: the very library the client uses, wherever a wheel or a distribution put it, never a second
copy.

Each function is declared once, below: a pointer passed as a C int would be cut in half on 64-bit
machines. Every call releases the interpreter's lock; the cluster runs in threads of its own, so
that it serves while Python does something else.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int16, c_int32, c_int64, c_size_t, c_void_p
from typing import Any, Final

from eventing_alibaba.testing.emulators import EmulatorUnavailableError
from eventing_alibaba.testing.emulators.kafka.names import INSTALL

PRODUCER: Final = 0
"""The kind of handle that owns a cluster; it connects nowhere."""

_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "conf_new": (c_void_p, ()),
    "conf_set_log_cb": (None, (c_void_p, c_void_p)),
    "new": (c_void_p, (c_int, c_void_p, c_char_p, c_size_t)),
    "destroy": (None, (c_void_p,)),
    "err2name": (c_char_p, (c_int,)),
    "mock_cluster_new": (c_void_p, (c_void_p, c_int)),
    "mock_cluster_destroy": (None, (c_void_p,)),
    "mock_cluster_bootstraps": (c_char_p, (c_void_p,)),
    "mock_topic_create": (c_int, (c_void_p, c_char_p, c_int, c_int)),
    "mock_topic_delete": (c_int, (c_void_p, c_char_p)),
    "mock_topic_set_error": (None, (c_void_p, c_char_p, c_int)),
    "mock_partition_delete_records": (c_int, (c_void_p, c_char_p, c_int32, c_int64)),
    "mock_partition_set_leader": (c_int, (c_void_p, c_char_p, c_int32, c_int32)),
    "mock_coordinator_set": (c_int, (c_void_p, c_char_p, c_char_p, c_int32)),
    "mock_broker_set_down": (c_int, (c_void_p, c_int32)),
    "mock_broker_set_up": (c_int, (c_void_p, c_int32)),
    "mock_broker_set_rtt": (c_int, (c_void_p, c_int32, c_int)),
    "mock_broker_set_host_port": (None, (c_void_p, c_int32, c_char_p, c_int)),
    "mock_push_request_errors_array": (None, (c_void_p, c_int16, c_size_t, POINTER(c_int))),
    "mock_clear_request_errors": (None, (c_void_p, c_int16)),
    "mock_group_initial_rebalance_delay_ms": (None, (c_void_p, c_int32)),
    "mock_start_request_tracking": (None, (c_void_p,)),
    "mock_clear_requests": (None, (c_void_p,)),
    "mock_get_requests": (POINTER(c_void_p), (c_void_p, POINTER(c_size_t))),
    "mock_request_destroy_array": (None, (POINTER(c_void_p), c_size_t)),
    "mock_request_id": (c_int32, (c_void_p,)),
    "mock_request_api_key": (c_int16, (c_void_p,)),
    "mock_request_timestamp": (c_int64, (c_void_p,)),
}


class Library:
    """`call("mock_topic_create", ...)` for every function declared above.

    Raises EmulatorUnavailableError when confluent-kafka is not installed.
    """

    def __init__(self) -> None:
        try:
            from confluent_kafka import cimpl  # noqa: PLC0415 - an extra, needed only here
        except ImportError:
            raise EmulatorUnavailableError(INSTALL) from None
        self._library = ctypes.CDLL(cimpl.__file__)
        self._functions: dict[str, Any] = {}

    def call(self, function: str, *arguments: Any) -> Any:
        """Call `rd_kafka_<function>`.

        Raises EmulatorUnavailableError where this version lacks it, ValueError for an argument
        of a wrong type.
        """
        found = self._functions.get(function)
        if found is None:
            found = self._functions[function] = self._declare(function)
        try:
            return found(*arguments)
        except ctypes.ArgumentError as error:
            raise ValueError(f"wrong argument for {function}: {error}") from None

    def checked(self, function: str, *arguments: Any) -> None:
        """Call a function that returns an error code; raises ValueError with the code's name."""
        code = self.call(function, *arguments)  # None where the function returns nothing
        if code:
            name = self.call("err2name", code).decode()
            raise ValueError(f"librdkafka refused {function} with {name}")

    def _declare(self, function: str) -> Any:
        try:
            found = getattr(self._library, f"rd_kafka_{function}")
        except AttributeError:
            msg = (
                f"this librdkafka has no rd_kafka_{function}: install a newer confluent-kafka wheel"
            )
            raise EmulatorUnavailableError(msg) from None
        found.restype, found.argtypes = _SIGNATURES[function]
        return found
