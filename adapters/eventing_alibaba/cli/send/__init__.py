"""`eventing-alibaba send`: messages for the broker that a manifest names.

command.py   the flags
content.py   what is sent: from an argument, a file, or standard input
pace.py      how fast, and what people see of it

How a broker is sent something is the source's own affair (see `contract.send`).
"""

from eventing_alibaba.cli.send.command import arguments, execute

__all__ = ["arguments", "execute"]
