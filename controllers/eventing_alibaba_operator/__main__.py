"""`python -m eventing_alibaba_operator`."""

import sys

from eventing_alibaba_operator.main import main

if __name__ == "__main__":
    sys.exit(main())
