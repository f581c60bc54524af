"""RocketMQ 5, with its gRPC interface, on this machine.

`EmulatorProcess` needs grpcio in the child only; `RocketmqEmulator` is imported on demand, so that
listing the emulators costs nothing.
"""

from typing import TYPE_CHECKING, Any

from eventing_alibaba.testing.emulators.rocketmq.command import EMULATOR
from eventing_alibaba.testing.emulators.rocketmq.faults import Fault
from eventing_alibaba.testing.emulators.rocketmq.process import EmulatorProcess

if TYPE_CHECKING:
    from eventing_alibaba.testing.emulators.rocketmq.emulator import RocketmqEmulator

__all__ = ["EMULATOR", "EmulatorProcess", "Fault", "RocketmqEmulator"]


def __getattr__(name: str) -> Any:
    """Import the emulator itself when it is first asked for."""
    if name != "RocketmqEmulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from eventing_alibaba.testing.emulators.rocketmq.emulator import (  # noqa: PLC0415
        RocketmqEmulator,
    )

    return RocketmqEmulator
