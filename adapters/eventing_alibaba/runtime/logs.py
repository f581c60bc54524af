"""Logging as collectors and people want it: JSON lines in a pod, readable lines on a terminal.

Standard `logging` throughout, so that libraries' messages come the same way. A JSON line has `ts`,
`level`, `logger` and `msg`, Knative's names, then what the caller gave as `extra`. Log Service and
other collectors read stdout.

An outage says the same thing thousands of times a minute. What makes two messages the same is where
they come from and their template, not the values in it: the first is written at once, then one
every `REPEAT_SECONDS` at most, which says how many were left out. A message that is not a repeat of
trouble but one of a set (each partition that was assigned) opts out with `extra={"every": True}`.
Debug messages are never left out: who asks for them wants all.

No event body and no secret is ever given to a logger; there is nothing to redact here.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

import orjson

REPEAT_SECONDS: Final = 10.0

_MOST_TEMPLATES: Final = 512
_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "every",
    "suppressed",
    "color_message",
}
_LEVELS: Final = {
    logging.DEBUG: ("debug", "\033[2m"),
    logging.INFO: ("info", "\033[32m"),
    logging.WARNING: ("warn", "\033[33m"),
    logging.ERROR: ("error", "\033[31m"),
    logging.CRITICAL: ("fatal", "\033[31;1m"),
}
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}


def configure(
    style: Literal["json", "text"] | None = None,
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """Send the messages of all loggers to `stream` (stdout), in place of earlier handlers.

    `style` None is text on a terminal and JSON elsewhere. Warnings of Python become messages too.
    """
    out = sys.stdout if stream is None else stream
    terminal = out.isatty()
    handler = _Handler(out)
    if (style or ("text" if terminal else "json")) == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(TextLines(colours=terminal and not os.environ.get("NO_COLOR")))
    handler.addFilter(Repeats())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that keeps quiet about itself: `run | head` is no reason for a traceback a line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        kind = sys.exc_info()[0]
        if kind is None or not issubclass(kind, OSError):
            super().handleError(record)


class Repeats(logging.Filter):
    """Leaves out repeats; the next one that passes carries their number as `suppressed`."""

    def __init__(
        self, seconds: float = REPEAT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._seen: OrderedDict[tuple[str, int, object], list[float]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if record.levelno <= logging.DEBUG or getattr(record, "every", False):
            return True
        now = self._clock()
        key = (record.name, record.levelno, str(record.msg))
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = [now, 0]
            if len(self._seen) > _MOST_TEMPLATES:
                self._seen.popitem(last=False)
            return True
        if now - seen[0] < self._seconds:
            seen[1] += 1
            return False
        if seen[1]:
            record.suppressed = int(seen[1])
        seen[:] = (now, 0)
        self._seen.move_to_end(key)
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _LEVELS.get(record.levelno, (record.levelname.lower(), ""))[0],
            "logger": record.name,
            "msg": record.getMessage(),
        }
        for key, value in _extras(record).items():
            line.setdefault(key, value)
        if record.exc_info:
            line["error"] = repr(record.exc_info[1])
            line["stacktrace"] = self.formatException(record.exc_info)
        suppressed = getattr(record, "suppressed", 0)
        if suppressed:
            line["suppressed"] = suppressed
        try:
            return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        except orjson.JSONEncodeError:  # lone surrogates, integers beyond 64 bits
            return json.dumps(line, default=str, skipkeys=True)


class TextLines(logging.Formatter):
    """One readable line a message; a traceback follows on lines of its own."""

    def __init__(self, *, colours: bool = False) -> None:
        super().__init__()
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        name, colour = _LEVELS.get(record.levelno, (record.levelname.lower(), ""))
        shown = f"{name:<5}"
        extras = "".join(f" {key}={_plain(value)}" for key, value in _extras(record).items())
        suppressed = getattr(record, "suppressed", 0)
        if suppressed:
            extras += f" (and {suppressed} more like it)"
        if self._colours:
            shown = f"{colour}{shown}\033[0m"
            extras = extras and f"\033[2m{extras}\033[0m"
        line = f"{moment:%H:%M:%S} {shown} {_plain(record.getMessage())}{extras}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def _plain(value: object) -> str:
    """Return text that stays on its line and leaves the terminal alone."""
    return str(value).translate(_CONTROLS)
