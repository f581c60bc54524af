"""`eventing-alibaba check`: would `run` work with this manifest, and if not, why?

command.py   the flags, and the order of the questions
report.py    a line for each question, or one JSON document
sink.py      what is asked of a sink

What is asked of a broker is the source's own affair (see `contract.check`).
"""

from eventing_alibaba.cli.check.command import arguments, execute

__all__ = ["arguments", "execute"]
