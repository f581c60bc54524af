"""An HTTP/1.1 server for test doubles: exact about bytes, and breakable on purpose.

`listener.py` holds the port and the open connections, `connection.py` parses requests and writes
answers. What is answered, and when, is the double's business.
"""

from eventing_alibaba.testing.http.connection import Connection, Exchange, Handler, Request
from eventing_alibaba.testing.http.listener import Listener

__all__ = ["Connection", "Exchange", "Handler", "Listener", "Request"]
