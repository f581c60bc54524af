"""What is wrong at the moment, told once for each cause and once when it is over.

Requests of several kinds run beside each other, and one kind may fail while another does not: a RAM
policy without mns:DeleteMessage lets messages in and keeps them. So each kind has its own state,
and the session is well only when all are. What failed is tried again every few seconds; a kind that
is not asked any more (there is nothing left to extend) would stay ill for ever, so it is forgotten
after a few more, when polls succeed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from eventing_alibaba.contract.errors import SourceError

Kind: TypeAlias = Literal["receive", "delete", "visibility"]

_FORGOTTEN: Final = 7.0


class Trouble:
    """Collects failures and reports them; `report` is the flow's, `now` any clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.report: Callable[[SourceError | None], None] = lambda _error: None
        self._now = now
        self._found: dict[Kind, tuple[SourceError, float]] = {}
        self._told: str | None = None

    def note(self, kind: Kind, error: SourceError) -> None:
        """Take note of a failure."""
        self._found[kind] = (error, self._now())
        self._tell()

    def well(self, kind: Kind) -> None:
        """Take note of a success."""
        if not self._found:
            return
        self._found.pop(kind, None)
        forgotten = self._now() - _FORGOTTEN
        self._found = {k: entry for k, entry in self._found.items() if entry[1] > forgotten}
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
