"""One HTTP/1.1 client for the delivery path: httptools parses, uvloop (or asyncio) moves bytes.

    pool.py         `Pool`, which a sink or a broker client sends with; `opening.py`, `roster.py`,
                    `room.py` and `alarm.py` are its parts
    connection.py   one connection; `http1.py` and `message.py` read its answers, without I/O
    dial.py         opens a connection, with `resolve.py`, `proxy.py` and `tls.py`
    target.py       a checked URL; `request.py` a checked head
    answer.py       what comes of a request; `errors.py` what else

It knows nothing of events and messages, follows no redirect, decodes no content and keeps no
cookie: what it is given is sent, and what comes back is reported, exactly once.
"""
