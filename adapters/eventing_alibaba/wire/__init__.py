"""One HTTP/1.1 client for the delivery path: httptools parses, uvloop (or asyncio) moves bytes.

`pool.py` has the `Pool` that a sink or a broker client sends with. `connection.py` is one
connection, `http1.py` reads its answers without I/O. `dial.py` opens connections with `resolve.py`,
`proxy.py` and `tls.py`. `target.py` and `request.py` check what goes into a request.

It knows nothing of events and messages, follows no redirect, decodes no content and keeps no
cookie: what it is given is sent, and what comes back is reported, exactly once.
"""
