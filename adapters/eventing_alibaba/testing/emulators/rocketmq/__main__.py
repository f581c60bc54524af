"""`python -m eventing_alibaba.testing.emulators.rocketmq`."""

import argparse
import sys

from eventing_alibaba.testing.emulators.rocketmq.command import EMULATOR


def parser() -> argparse.ArgumentParser:
    """Return the parser of the emulator's options."""
    made = argparse.ArgumentParser(prog=f"python -m {__package__}", description=EMULATOR.summary)
    EMULATOR.add_arguments(made)
    return made


if __name__ == "__main__":
    sys.exit(EMULATOR.run(parser().parse_args()))
