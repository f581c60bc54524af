"""The values and promises that all parts share. No I/O; imports nothing else of this package."""
