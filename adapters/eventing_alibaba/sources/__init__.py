"""One folder a source, each on its own: found by entry point, never imported by name."""
