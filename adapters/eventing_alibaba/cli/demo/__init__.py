"""`eventing-alibaba demo`: a broker, an adapter and a service on this machine, and what arrives.

command.py    flags, and what becomes an exit code
play.py       the two ways to run it: until Ctrl-C, or once through a fixed number of messages
stage.py      broker, service and adapter, started and ended in order
adapter.py    `eventing-alibaba run` as a process of its own
tether.py     what keeps that process from outliving the demo
scenario.py   what a broker must offer to be shown
kafka.py      the one there is
orders.py     the messages
ledger.py     which of them were sent, delivered, duplicated, lost
show.py       what people see
"""

from eventing_alibaba.cli.demo.command import arguments, execute

__all__ = ["arguments", "execute"]
