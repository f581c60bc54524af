"""RocketMQ 5 as a source, on its gRPC interface (apache.rocketmq.v2.MessagingService).

spec.py          what users write
source.py        the contract: polls in, messages out
polls.py         which brokers are asked, by how many polls at once
settling.py      acknowledge in batches, release and extend by invisible duration
trouble.py       what is wrong at the moment, told once
messages.py      what a poll brought becomes messages (bodies.py: packed or damaged)
events.py        a message becomes a CloudEvent (properties.py, passthrough.py, eventbridge.py)
session.py       the brokers of a topic: found, greeted, kept alive
telemetry.py     settings, told to a proxy and told by it
link.py          one proxy: the calls that may be made on it
stream.py        polls over HTTP/2, without gRPC's library
signing.py       what every call says of who asks
login.py         user name and password, read anew
endpoints.py     addresses as users, RocketMQ and gRPC write them
errors.py        codes of the service become a reaction and a sentence
diagnosis.py     why a proxy cannot be reached, which gRPC does not say
connecting.py    from a spec to a client
visit.py, asking.py, outgoing.py   a short stay, a single poll, a producer, for the commands
deadletter.py    dead letters into a topic of the same instance
check.py, send.py, redrive.py      what commands ask for
proto/           the messages on the wire
"""

import os

# gRPC's library in C writes to standard error by itself, in a form that is no log of ours; what
# went wrong is told by the errors it raises. It reads the variable when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
