"""`with`, for what has `start` and `close`: closed at the end, and also if it did not come up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Entered(ABC):
    """A server that runs within `with`."""

    @abstractmethod
    def start(self) -> object:
        """Start it and wait until it can be used."""

    @abstractmethod
    def close(self) -> None:
        """End it and remove what it has written, however far its start came."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
