"""What requests show, so that the sink knows who sends them; always as it is now.

Tokens are renewed and passwords rotated under a running process. So before a request is encoded,
at most once a second, every proof is looked at again, and a change makes new header lines. There is
no timer: a process that sends nothing looks at nothing, and the first request after an idle night
does not go out with last night's token.

Where there is nothing to show, nothing is sent: without its token a request would only be answered
with 401, which says that the *event* is refused for good. The sink reports instead that it has no
credentials, which pauses delivery until it has some.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

LOOK_SECONDS: Final = 1.0

Headers: TypeAlias = tuple[tuple[str, str], ...]


class NoProofError(Exception):
    """There is nothing to show now; a sentence says which field or file is why, and no secret."""


class Proof(Protocol):
    """One thing to show."""

    def headers(self) -> Headers:
        """Return the headers to show now, each fit for the wire.

        A proof that is shown in another way (a client certificate) returns none. Raises
        NoProofError.
        """

    def close(self) -> None:
        """Let go of what the proof holds. Idempotent."""


class Identity:
    """All proofs together.

    Attributes:
        headers: to send; those of the last look at which nothing was missing.
        refusal: why nothing may be sent; None = all is there.
    """

    def __init__(
        self, proofs: Sequence[Proof], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.headers: Headers = ()
        self.refusal: str | None = None
        self._proofs = tuple(proofs)
        self._clock = clock
        self._next = float("-inf")

    def changed(self) -> bool:
        """Look again if it is time; return whether `headers` are others now."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + LOOK_SECONDS
        try:
            headers = tuple(line for proof in self._proofs for line in proof.headers())
        except NoProofError as error:
            self.refusal = str(error)
            return False
        except OSError as error:  # of the machine; raised from here it would look like the event's
            why = error.strerror or type(error).__name__
            self.refusal = f"what the sink is to be shown cannot be read: {why}"
            return False
        self.refusal = None
        if headers == self.headers:
            return False
        self.headers = headers
        return True

    def close(self) -> None:
        """Let go of what the proofs hold. Idempotent."""
        for proof in self._proofs:
            proof.close()

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in self.headers)
        state = "shows " + (names or "no headers") if self.refusal is None else self.refusal
        return f"<Identity {state}>"
