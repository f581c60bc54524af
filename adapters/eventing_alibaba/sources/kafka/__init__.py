"""Kafka (ApsaraMQ for Kafka, or any other) as a source, on librdkafka.

spec.py       what users write
source.py     the contract, on the event loop
session.py    the thread that owns the consumer
bridge.py     how that thread speaks to the event loop
intake.py     batches on demand, and none without
settings.py   what the consumer is told, and why
topics.py     the topics as the brokers have them
offsets.py    where a group starts
tracks.py     a partition while it is assigned, and its mark
assignment.py which partitions this process has: assign, revoke, lose, drain
commits.py    marks become committed offsets
trouble.py    what is wrong while librdkafka heals itself
rotation.py   credentials that change while the process runs
records.py    a Kafka record becomes a message
events.py     a message becomes a CloudEvent (keys.py, headers.py, passthrough.py)
errors.py     what librdkafka reports becomes a reaction and a sentence (voice.py, handshake.py)
"""
