"""ISO 8601 durations, the only way a span of time is written in a manifest.

The models keep the text, because a CRD property with `format: duration` would be read by the API
server as a *Go* duration ("30s") and refuse "PT30S"; so the text has a pattern and no format, and
is turned into seconds once, when a process starts.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import StringConstraints

PATTERN: Final = r"^P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$"
_PARTS: Final = re.compile(
    r"P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_LONGEST: Final = 20

Duration = Annotated[str, StringConstraints(pattern=PATTERN, min_length=3, max_length=_LONGEST)]
"""A duration such as PT30S, PT0.3S, PT5M or P1D."""


def seconds(text: str) -> float:
    """Return the seconds of an ISO 8601 duration of days, hours, minutes and seconds.

    Raises ValueError naming the text and an accepted form. Years, months and weeks are refused:
    the first two have no fixed length.
    """
    match = _PARTS.fullmatch(text)
    if match is None or not any(match.groups()):
        msg = (
            f"{text!r} is no ISO 8601 duration; write days, hours, minutes, seconds: PT30S, PT0.3S"
        )
        raise ValueError(msg)
    days, hours, minutes, secs = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + secs
