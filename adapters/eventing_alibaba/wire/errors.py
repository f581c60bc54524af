"""How a request can end without an answer: one class, told apart by a word.

The reaction depends on two things only: which kind of trouble it was (a metric label, and the
difference between a sick sink and a suspect record), and whether a byte of the request may have
reached the peer (whether it may have been processed).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "connect",  # nobody listens there, or no way there
    "dns",  # the name could not be resolved
    "proxy",  # the proxy refused the tunnel
    "tls",  # the handshake failed: certificate, version, client certificate
    "connect_timeout",  # no usable connection in time
    "write_timeout",  # the peer stopped reading the request
    "answer_timeout",  # no answer in time
    "closed",  # the connection ended before an answer
    "protocol",  # what came back is not HTTP/1.1
    "cut",  # this side gave up: `Pool.cut` or `Pool.close`
    "credentials",  # nothing to show who we are, so nothing was sent; only a sink reports this
]


class WireError(Exception):
    """A request got no answer.

    Attributes:
        kind: a stable word, fit for a metric label.
        sent: True if any byte of the request may have reached the peer.
        text: a sentence that names host and port; never a secret or a part of a message.
    """

    def __init__(self, kind: Kind, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.kind: Kind = kind
        self.text = text
        self.sent = sent

    def __repr__(self) -> str:
        return f"WireError({self.kind!r}, {self.text!r}, sent={self.sent})"
