"""What the proxy does: gRPC requests become calls of the core, and its answers messages."""
