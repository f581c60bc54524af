"""MNS, now Simple Message Queue (SMQ), as a source, on the HTTP API of 2015-06-06.

spec.py          what users write
source.py        the contract: polls in, messages out
polls.py         how many long polls wait, and when none does
settling.py      delete in batches, release and extend by visibility
trouble.py       what is wrong at the moment, told once
messages.py      an answer becomes messages (bodies.py: base64 or not)
events.py        a message becomes a CloudEvent (notifications.py, oss.py, properties.py,
                 eventbridge.py)
client.py        the operations
exchange.py      one request: signed, sent, sorted
signature.py     versions 1 and 4
keys.py          access keys, given or found
serverclock.py   what time it is at the service
reading.py       XML of answers
writing.py       XML of requests
errors.py        codes of the service become a reaction and a sentence
connecting.py    from a spec to a client
check.py, send.py, redrive.py, backlog.py   what commands ask for
"""
