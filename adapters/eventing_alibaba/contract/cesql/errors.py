"""What can be wrong with an expression: when it is read, and when it meets an event.

The kinds are those of the specification (CESQL 1.0, section 3.3). In a filter all errors of
evaluation mean the same, the event does not pass, so evaluation stops at the first one ("fail fast
mode", section 4.1); they are apart for the sake of those who test.
"""

from __future__ import annotations

from typing import ClassVar


class ExpressionError(ValueError):
    """The text is no expression that can be evaluated; the message is a sentence with the place.

    Attributes:
        kind: `parse`, `missingFunction` or `cast`.
    """

    def __init__(self, message: str, *, kind: str = "parse") -> None:
        super().__init__(message)
        self.kind = kind


class EvaluationError(Exception):
    """An event gave the expression no value."""

    kind: ClassVar[str] = "generic"


class CastError(EvaluationError):
    """A value cannot be read as the type that is needed."""

    kind = "cast"


class MathError(EvaluationError):
    """A division by zero, or a result that needs more than 32 bits."""

    kind = "math"


class MissingAttributeError(EvaluationError):
    """The event does not have the attribute."""

    kind = "missingAttribute"


class FunctionEvaluationError(EvaluationError):
    """A function does not take these values."""

    kind = "functionEvaluation"
