"""Structured mode: one JSON object holds attributes and data (CloudEvents HTTP binding, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.jsonformat import json_event, json_template
from eventing_alibaba.contract.outline import Outline, Values
from eventing_alibaba.sink.formats.attributes import ContentTypes, override
from eventing_alibaba.sink.formats.template import Templates

STRUCTURED_JSON: Final = "application/cloudevents+json; charset=utf-8"


class StructuredEncoder:
    """Encodes events as one JSON object each; call it with an event. See `BinaryEncoder`."""

    def __init__(self, head: bytes, overrides: Mapping[str, str] | None = None) -> None:
        self._overrides = dict(overrides or {})
        self._content_types = ContentTypes()
        self._templates = Templates(self._overrides, json_template)
        self.use(head)

    def use(self, head: bytes) -> None:
        """Begin requests with another head from now on."""
        self._head = head

    def __call__(self, event: Event) -> bytes:
        """Return the whole request. Raises ValueError with a sentence for an impossible event."""
        if self._overrides:
            override(event, self._overrides)
        if event.structured:
            content_type, body = event.datacontenttype or STRUCTURED_JSON, event.data or b""
        else:
            content_type, body = STRUCTURED_JSON, json_event(event)
        return self._request(content_type, body)

    def outlined(self, outline: Outline, values: Values, data: bytes) -> bytes | None:
        """Return the whole request of an event with an outline; None = encode it as an event."""
        begun = self._templates.fill(outline, values)
        return None if begun is None else self._request(STRUCTURED_JSON, b"%b%b}" % (begun, data))

    def _request(self, content_type: str, body: bytes) -> bytes:
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (
            self._head,
            self._content_types[content_type],
            len(body),
            body,
        )
