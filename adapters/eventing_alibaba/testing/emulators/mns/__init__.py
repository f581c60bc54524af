"""MNS, the Simple Message Queue, on this machine."""

from eventing_alibaba.testing.emulators.mns.command import EMULATOR
from eventing_alibaba.testing.emulators.mns.emulator import MnsEmulator
from eventing_alibaba.testing.emulators.mns.faults import Fault
from eventing_alibaba.testing.emulators.mns.process import EmulatorProcess

__all__ = ["EMULATOR", "EmulatorProcess", "Fault", "MnsEmulator"]
