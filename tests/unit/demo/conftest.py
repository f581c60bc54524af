"""What the demo's tests need of the test session."""

import asyncio

# looptime asks for the current loop before each test. Where none was ever set, Python before 3.14
# makes one for the question, which nobody closes; saying "none" once prevents that.
asyncio.set_event_loop(None)
