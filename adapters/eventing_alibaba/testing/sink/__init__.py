"""A receiver of CloudEvents that records everything and answers what a script says.

`decode.py` reads an event from a request, `script.py` decides how to answer it, `records.py`
remembers it in a few dozen bytes, `connection.py` speaks HTTP/1.1 and `server.py` joins them into
`RecordingSink`. `process.py` is the same sink in another process, with a remote control.

    async with RecordingSink() as sink:
        sink.script.rules = [Rule(Answer(status=503, retry_after=1), attempts=2)]
        ...                                     # send events to sink.url
        await sink.wait_delivered(100)
        assert [record.attempt for record in sink.records] == ...

A delivery is *done* only when the sink has written a whole 2xx answer; what was dropped, cut in
half or overtaken by the end of its connection has status 0.
"""

from eventing_alibaba.testing.sink.decode import NotAnEventError, ReceivedEvent, decode
from eventing_alibaba.testing.sink.process import SinkProcess
from eventing_alibaba.testing.sink.records import Record, Records
from eventing_alibaba.testing.sink.script import Answer, Rule, Script
from eventing_alibaba.testing.sink.server import RecordingSink

__all__ = [
    "Answer",
    "NotAnEventError",
    "ReceivedEvent",
    "Record",
    "RecordingSink",
    "Records",
    "Rule",
    "Script",
    "SinkProcess",
    "decode",
]
