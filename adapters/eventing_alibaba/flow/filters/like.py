"""`LIKE` patterns as regular expressions that take no more than linear time a part.

`%a%a%a%a%b` as `.*a.*a.*a.*a.*b` takes polynomial time on a value made for it, and values come from
whoever may send messages. But after a part between two `%` was found at its first place, no later
place can help, so that find is final: an atomic group never goes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_PART: Final = re.compile(r"\\([%_])|(%)|(_)|(.)", re.DOTALL)


def matcher(pattern: str) -> Callable[[str], object]:
    """Return whether (truthy) a text matches the pattern as a whole; pure.

    `%` is any number of characters, `_` is one, and a backslash before either takes that away.
    """
    parts = [""]
    for escaped, many, one, plain in _PART.findall(pattern):
        if many:
            parts.append("")
        else:
            parts[-1] += "." if one else re.escape(escaped or plain)
    first, *between = parts
    if not between:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = between
    steps = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{steps}.*{last}", re.DOTALL).fullmatch
