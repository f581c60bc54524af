"""`event.format: raw`: the data as the body, its type as the content type, and nothing else.

For services that know no CloudEvents: what a producer wrote arrives as if it had been POSTed there.
"""

from __future__ import annotations

from eventing_alibaba.contract.event import Event
from eventing_alibaba.contract.outline import Outline, Values
from eventing_alibaba.sink.formats.attributes import ContentTypes


class RawEncoder:
    """Encodes the data of events; call it with an event. See `BinaryEncoder` for `head`."""

    def __init__(self, head: bytes) -> None:
        self._content_types = ContentTypes()
        self.use(head)

    def use(self, head: bytes) -> None:
        """Begin requests with another head from now on."""
        self._head = head

    def __call__(self, event: Event) -> bytes:
        """Return the whole request. Raises ValueError where the content type cannot be one."""
        return self._request(event.data, event.datacontenttype)

    def outlined(self, outline: Outline, _values: Values, data: bytes) -> bytes | None:
        """Return the whole request of an event with an outline."""
        return self._request(data, outline.datacontenttype)

    def _request(self, data: bytes | None, content_type: str | None) -> bytes:
        if data is None:
            return b"%bcontent-length: 0\r\n\r\n" % self._head
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (
            self._head,
            b"" if content_type is None else self._content_types[content_type],
            len(data),
            data,
        )
