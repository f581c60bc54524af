"""Coverage-guided fuzzing of the answer reader, run by hand.

The fuzzer is no dependency of the project; `pip install atheris`, then

    python -m tests.fuzz.read_answers -max_total_time=300

The first byte chooses how the rest is cut into reads and whether answers are collected. A finding
is an exception: it becomes an example of `tests/wire/test_reader_survives_anything.py`, which holds
what is checked here.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["eventing_alibaba.wire"]):
    from tests.wire.test_reader_survives_anything import SEEDS, outcome


def run(data: bytes) -> None:
    """Read `data` whole and in pieces; the outcome must be the same."""
    if len(data) < 2:
        return
    collect, step = bool(data[0] & 1), (data[0] >> 1) + 1
    data = data[1:]
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    assert outcome(pieces, collect=collect) == outcome([data], collect=collect)


def main() -> None:
    """Fuzz until the options of libFuzzer say that it is enough."""
    for seed in SEEDS:
        run(b"\x01" + seed)
        run(b"\x04" + seed)
    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
