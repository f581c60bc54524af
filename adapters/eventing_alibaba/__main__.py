"""`python -m eventing_alibaba` is the command `eventing-alibaba`."""

import sys

from eventing_alibaba.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
