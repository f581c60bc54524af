"""What the tests of the pages need of the test session."""

import asyncio

# As in the demo's tests: looptime asks for a current loop, which nobody would close.
asyncio.set_event_loop(None)
