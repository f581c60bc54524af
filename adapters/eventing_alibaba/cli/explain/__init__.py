"""`eventing-alibaba explain`: what may be written into a manifest.

fields.py    what a model says of its fields, found by their path; pure
command.py   the flags, and what is printed
"""

from eventing_alibaba.cli.explain.command import arguments, execute

__all__ = ["arguments", "execute"]
