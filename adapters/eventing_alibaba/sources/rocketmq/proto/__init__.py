"""The messages of RocketMQ's gRPC interface: our subset, and what protoc made of it.

messaging.proto     what is written by hand
generate.py         makes messaging_pb2.py and .pyi of it, and checks them
"""
