"""What is wrong at the moment, told once for each cause and once when it is over.

Calls of several kinds, to several places, run beside each other, and one may fail while another
does not: a RAM policy without mns:DeleteMessage lets messages in and keeps them. So each has its
own state, and the session is well only when all are. What failed is tried again every few seconds;
a state that nobody asks for any more (there is nothing left to extend, a broker has left the route)
would stay ill for ever, so it is forgotten after a few more, when others succeed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eventing_alibaba.contract.errors import SourceError

_FORGOTTEN: Final = 7.0


class Trouble:
    """Collects failures and reports them; `report` is the flow's, `now` any clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.report: Callable[[SourceError | None], None] = lambda _error: None
        self._now = now
        self._found: dict[str, tuple[SourceError, float]] = {}
        self._told: str | None = None

    def note(self, what: str, error: SourceError) -> None:
        """Take note that `what` failed."""
        self._found[what] = (error, self._now())
        self._tell()

    def well(self, what: str) -> None:
        """Take note that `what` succeeded."""
        if not self._found:
            return
        self._found.pop(what, None)
        forgotten = self._now() - _FORGOTTEN
        self._found = {w: entry for w, entry in self._found.items() if entry[1] > forgotten}
        self._tell()

    def clear(self) -> None:
        """Begin anew: the flow has been told that all is well."""
        self._found.clear()
        self._told = None

    def _tell(self) -> None:
        error = next((entry[0] for entry in self._found.values()), None)
        told = None if error is None else error.reason
        if told != self._told:
            self._told = told
            self.report(error)

    def __repr__(self) -> str:
        return f"<Trouble {self._told or 'none'}>"
