"""The test kit, shipped because users test with it too.

`emulators/` are brokers that run on a laptop and can be broken on purpose, `sink/` is a receiver
that records every event and answers what a script says, `ledger.py` compares what was sent with
what arrived, and `fixtures.py` offers them to pytest:

    pytest_plugins = ["eventing_alibaba.testing.fixtures"]

Emulator and sink exist twice with the same words: as objects in the test's own process, and as
processes of their own, which a test cannot slow down, keep alive by accident or count into the CPU
time of what it measures. Nothing here imports pytest but `fixtures.py`.
"""
