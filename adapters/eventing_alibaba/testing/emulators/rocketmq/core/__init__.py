"""What RocketMQ does with messages, without any I/O: topics, groups, pops, handles, filters.

Nothing here knows of gRPC, of protobuf or of a clock: each call is told the time, in milliseconds
since the epoch, and what is due by then happens in it.
"""
