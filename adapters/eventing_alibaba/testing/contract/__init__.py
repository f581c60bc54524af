"""The sentences of `contract/source.py` as tests that any source can run.

A source's tests are one subclass and one fixture:

    class TestShelf(SourceContract):
        @pytest.fixture
        def harness(self):
            return ShelfHarness()

`harness.py` is what has to be written for it: how to produce, what the broker still has, how to
break it, and what this source has no use for. Everything else comes from here. Some tests drive the
source by hand (`solo.py`), some through the flow to a sink on the same event loop (`run.py`), and
some kill the real command in a process of its own; a test that needs an ability the harness denies
is skipped with the harness's own reason.

The subjects are classes of their own, joined by `suite.py`:

    delivering.py   nothing acknowledged without a 2xx, order, and what comes again
    pressing.py     a service that does not answer bounds what is taken
    receiving.py    limits, pauses, and acknowledging while receive waits
    cancelling.py   a cancellation at every await
    ending.py       quiesce, close, and open again
    troubling.py    brokers that are away, slow, or refuse acknowledgements
    sharing.py      a second consumer joins and leaves
    leasing.py      leases and attempts, where the broker has them
    crashing.py     processes that are killed and stopped

Besides `testing/fixtures.py` this package alone imports pytest.
"""

import pytest

# Before they are imported: a failed assertion in here shall show its values, as in a test's file.
_SUBJECTS = (
    *("delivering", "pressing", "receiving", "cancelling", "ending", "troubling"),
    *("sharing", "leasing", "crashing", "expecting", "run", "solo"),
)
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _SUBJECTS))

from eventing_alibaba.testing.contract.harness import Ability, Harness, Produced  # noqa: E402
from eventing_alibaba.testing.contract.suite import SourceContract  # noqa: E402

__all__ = ["Ability", "Harness", "Produced", "SourceContract"]
