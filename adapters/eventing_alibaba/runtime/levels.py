"""Log levels by name, and the one that Knative's `K_LOGGING_CONFIG` asks for.

That variable is the ConfigMap `config-logging` as JSON: a zap configuration, itself JSON inside a
string, and levels for single components (`loglevel.<component>`). Only levels are taken from it.
Knative's adapters fall back to their defaults when it is broken, so it never stops a start here
either.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_ZAP: Final = {**LEVELS, **dict.fromkeys(("dpanic", "panic", "fatal"), logging.CRITICAL)}
_ZAP_KEY: Final = "zap-logger-config"


def from_logging_config(text: str, *, component: str = "") -> tuple[int, str | None]:
    """Return the level that a logging configuration asks for, and what is wrong with it, if so."""
    if not text:
        return logging.INFO, None
    config = _mapping(text)
    if config is None:
        return logging.INFO, "K_LOGGING_CONFIG is no JSON object; the log level is info"
    zap = config
    if isinstance(config.get(_ZAP_KEY), str):
        zap = _mapping(config[_ZAP_KEY] or "{}") or {}
    level = config.get(f"loglevel.{component}") or zap.get("level") or "info"
    if not isinstance(level, str) or level.lower() not in _ZAP:
        return logging.INFO, "K_LOGGING_CONFIG has an unknown level; the log level is info"
    return _ZAP[level.lower()], None


def _mapping(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
