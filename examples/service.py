"""A service that prints the CloudEvents it is sent.

    python examples/service.py [PORT]

It needs nothing but Python. An event in binary mode has its attributes in `ce-` headers and its
data as the body. Answering 2xx is what makes the adapter acknowledge the message; try 500 here and
see it come again.
"""

# ruff: noqa: INP001, T201 - a script, which prints

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

_CUT: Final = 200


class Handler(BaseHTTPRequestHandler):
    """Prints one line for each event."""

    # Keeps connections open from one event to the next.
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one event."""
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        shown = data[:_CUT].decode(errors="replace")
        print(self.headers["ce-type"], self.headers["ce-id"], shown, flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep quiet about requests; the events are told."""


def main() -> None:
    """Serve until Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    server = ThreadingHTTPServer(("localhost", port), Handler)
    print(f"listening on http://localhost:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
