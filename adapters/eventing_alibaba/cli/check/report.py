"""What people and programs see of the questions and answers.

For people a line each, at once, and below it the sentence where something is wrong. On a terminal
the question stands there while it waits for its answer.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eventing_alibaba.cli.text import clean
from eventing_alibaba.contract.errors import SourceError

_INDENT: Final = " " * 18


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question, `seconds` after it was asked; `failure` is what is wrong."""

    name: str
    seconds: float
    detail: str
    failure: SourceError | None


class Report(Protocol):
    """Where findings go."""

    def begin(self, name: str) -> None:
        """Say that something is being asked."""

    def step(self, finding: Finding) -> None:
        """Say what came of it."""

    def note(self, sentence: str) -> None:
        """Say something that is not wrong."""

    def end(self, code: int) -> None:
        """Say what it all means; `code` is the exit code."""


class TextReport:
    """A line for each question."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._asked = self._failed = 0

    def begin(self, name: str) -> None:
        """See `Report`."""
        if self._terminal:
            print(f"{'...':<18}{clean(name)}", end="", flush=True)

    def step(self, finding: Finding) -> None:
        """See `Report`."""
        failure = finding.failure
        self._asked += 1
        self._failed += failure is not None
        word = "ok" if failure is None else "failed"
        said = finding.detail if failure is None else failure.reason
        text = f"{finding.name}: {said}" if said else finding.name
        self._line(f"{word:<8}{finding.seconds:6.2f} s  {clean(text)}")
        if failure is None:
            return
        for sentence in str(failure).splitlines():
            print(f"{_INDENT}{clean(sentence)}")
        sys.stdout.flush()

    def note(self, sentence: str) -> None:
        """See `Report`."""
        print(f"{'note':<18}{clean(sentence)}", flush=True)

    def end(self, code: int) -> None:
        """See `Report`."""
        if self._failed:
            rest = "run would give up" if code == 78 else "run would try again until it is mended"
            print(f"{self._failed} of {self._asked} failed: {rest}")
        else:
            print("all is well: run would deliver")

    def _line(self, text: str) -> None:
        print(f"\r\033[K{text}" if self._terminal else text, flush=True)


class JsonReport:
    """One document at the end; `reason` and `message` are as in `/status`."""

    def __init__(self) -> None:
        self._steps: list[dict[str, Any]] = []
        self._notes: list[str] = []

    def begin(self, name: str) -> None:
        """See `Report`."""

    def step(self, finding: Finding) -> None:
        """See `Report`."""
        failure = finding.failure
        told: dict[str, Any] = {
            "name": finding.name,
            "ok": failure is None,
            "seconds": round(finding.seconds, 4),
        }
        if failure is None:
            told["detail"] = finding.detail
        else:
            told |= {"reason": failure.reason, "message": str(failure)}
        self._steps.append(told)

    def note(self, sentence: str) -> None:
        """See `Report`."""
        self._notes.append(sentence)

    def end(self, code: int) -> None:
        """See `Report`."""
        told = {"ok": code == 0, "exitCode": code, "steps": self._steps, "notes": self._notes}
        print(json.dumps(told, indent=2, ensure_ascii=False))
