"""What the service remembers and decides, without HTTP, XML, signatures or a clock of its own.

Time is an argument of every call: milliseconds since the epoch, as a whole number, which never runs
backwards. So years of visibility timeouts and retention pass in a test within microseconds.
"""
