"""What marks an event as a dead letter.

The flow writes it, and a source's `redrive` takes it off again.
"""

from __future__ import annotations

from typing import Final

DESTINATION: Final = "knativeerrordest"
CODE: Final = "knativeerrorcode"
DATA: Final = "knativeerrordata"

REASONS: Final = (DESTINATION, CODE, DATA)
"""Knative's attributes: the sink that did not take the event, its status, its answer in base64.
The first and the last are always there."""

UNDECODABLE: Final = "dev.eventing-alibaba.message.undecodable"
"""Type of the event that stands for a message which could not become one; its data is the body as
it was received."""
